import type { ClientStorage } from "./Storage.ts"

/** As much of Node.js as is used here: the types of browsers have none of it. */
interface Modules {
  getBuiltinModule(name: "node:path"): { join(...parts: ReadonlyArray<string>): string }
  getBuiltinModule(name: "node:fs"): {
    readonly promises: {
      mkdir(path: string, options: { readonly recursive: true; readonly mode: number }): Promise<unknown>
      readFile(path: string, encoding: "utf8"): Promise<string>
      readdir(path: string): Promise<ReadonlyArray<string>>
      rename(from: string, to: string): Promise<void>
      rm(path: string, options: { readonly force: true }): Promise<void>
      open(
        path: string,
        flags: "w",
        mode: number
      ): Promise<{ writeFile(text: string): Promise<void>; sync(): Promise<void>; close(): Promise<void> }>
    }
  }
}

/** Counts the writes of this process: each has a file of its own until it is renamed. */
let writes = 0

/**
 * Keeps everything in one folder of a Node.js process, a file for each value. A value is written beside its file and renamed over
 * it once it is on the disk, so a crash leaves the old one or the new one. One process at a time may use a folder.
 */
export const fileStorage = (folder: string): ClientStorage => {
  // Not imported: bundles for browsers carry this file, and have no such modules.
  const node = (globalThis as unknown as { readonly process: Modules }).process
  const { promises: fs } = node.getBuiltinModule("node:fs")
  const { join } = node.getBuiltinModule("node:path")
  const made = () => fs.mkdir(folder, { recursive: true, mode: 0o700 })
  const pathOf = (key: string) => join(folder, `${encodeURIComponent(key)}.json`)

  const read = async (path: string): Promise<unknown> => {
    try {
      return JSON.parse(await fs.readFile(path, "utf8"))
    } catch (error) {
      // One that is damaged counts as missing: it must not hide the others.
      const isMissing =
        (error as { readonly code?: string }).code === "ENOENT" || error instanceof SyntaxError
      if (!isMissing) throw error
      return undefined
    }
  }
  return {
    get: (key) => read(pathOf(key)),
    set: async (key, value) => {
      await made()
      const path = pathOf(key)
      const written = `${path}.${writes++}.new`
      const file = await fs.open(written, "w", 0o600)
      try {
        await file.writeFile(JSON.stringify(value))
        await file.sync()
      } finally {
        await file.close()
      }
      await fs.rename(written, path)
    },
    delete: (key) => fs.rm(pathOf(key), { force: true }),
    list: async (prefix) => {
      await made()
      const start = encodeURIComponent(prefix)
      const names = (await fs.readdir(folder)).filter(
        (name) => name.startsWith(start) && name.endsWith(".json")
      )
      return (await Promise.all(names.map((name) => read(join(folder, name))))).filter(
        (value) => value !== undefined
      )
    }
  }
}
