import { existsSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join, normalize, relative } from "node:path"

const ROOT = join(import.meta.dirname, "../..")

const IMPORT = /\bfrom\s*"([^"]+)"|\bimport\s*\(?\s*"([^"]+)"/g

/** A file, and what it imports: types too, and what it loads only later. Paths are from the root of the repository. */
export interface SourceFile {
  readonly path: string
  readonly text: string
  /** Files of this repository. */
  readonly imports: ReadonlyArray<string>
  /** Packages and modules of Node. */
  readonly packages: ReadonlyArray<string>
}

/** Every TypeScript file, with and without JSX, in a folder and the folders in it. */
export const sourceFiles = (folder: string): ReadonlyArray<SourceFile> =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => read(join(folder, name)))

const read = (path: string): SourceFile => {
  const text = readFileSync(join(ROOT, path), "utf8")
  const named = [...text.matchAll(IMPORT)].flatMap(([, from, loaded]) => from ?? loaded ?? [])
  const local = named
    .filter((name) => name.startsWith("."))
    .map((name) => normalize(join(dirname(path), name)))
    .filter((imported) => existsSync(join(ROOT, imported)))
  return { path, text, imports: local, packages: named.filter((name) => !name.startsWith(".")) }
}

/** The circles that the imports of files make: of each, the files that reach one another. */
export const circles = (files: ReadonlyArray<SourceFile>): ReadonlyArray<ReadonlyArray<string>> => {
  const reached = new Map(files.map(({ path }) => [path, reachedFrom(path, files)]))
  const inCircle = [...reached].filter(([path, others]) => others.has(path)).map(([path]) => path)
  const found = new Map<string, Array<string>>()
  for (const path of inCircle) {
    const circle = inCircle.filter((other) => reached.get(path)!.has(other) && reached.get(other)!.has(path))
    found.set(circle.join(), circle)
  }
  return [...found.values()]
}

const reachedFrom = (start: string, files: ReadonlyArray<SourceFile>): ReadonlySet<string> => {
  const importsOf = new Map(files.map(({ path, imports }) => [path, imports]))
  const reached = new Set<string>()
  const open = [start]
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    for (const imported of importsOf.get(path) ?? []) {
      if (reached.has(imported)) continue
      reached.add(imported)
      open.push(imported)
    }
  }
  return reached
}

/** The room of a file of src: its folder, the folder in its folder, or for a file of the root the file. */
export const roomOf = (path: string): string => {
  const inSource = relative("src", path)
  return inSource.includes("/") ? dirname(inSource) : inSource
}
