import { readdirSync, readFileSync } from "node:fs"

/** What /proc has of processes. Where there is no /proc, everything here is `undefined`. */
interface ProcessStat {
  readonly parent: number
  readonly cpuSeconds: number
  readonly residentBytes: number
}

// Linux fixes both for user space on every architecture that Node runs on, except the page size of some ARM kernels.
const TICKS_A_SECOND = 100
const PAGE_BYTES = 4096

const statOf = (pid: number): ProcessStat | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
    // The command's name stands in parentheses and may hold spaces; fields count from the state behind it.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    const field = (nth: number): number => Number(fields[nth])
    return {
      parent: field(1),
      cpuSeconds: (field(11) + field(12)) / TICKS_A_SECOND,
      residentBytes: field(21) * PAGE_BYTES
    }
  } catch {
    return undefined
  }
}

const hasProc = statOf(process.pid) !== undefined

/** CPU seconds by process; processes that have ended are left out. */
export const cpuSecondsOf = (pids: ReadonlyArray<number>): ReadonlyMap<number, number> | undefined =>
  hasProc
    ? new Map(
        pids.flatMap((pid) => {
          const stat = statOf(pid)
          return stat === undefined ? [] : [[pid, stat.cpuSeconds] as const]
        })
      )
    : undefined

/** A process and all that it started. */
export const treeOf = (root: number): ReadonlyArray<number> => {
  if (!hasProc) return [root]
  const parents = new Map<number, number>()
  for (const name of readdirSync("/proc")) {
    const stat = /^\d+$/.test(name) ? statOf(Number(name)) : undefined
    if (stat !== undefined) parents.set(Number(name), stat.parent)
  }
  const tree = [root]
  for (const pid of tree) {
    for (const [child, parent] of parents) if (parent === pid) tree.push(child)
  }
  return tree
}

export const residentBytesOf = (pids: ReadonlyArray<number>): number | undefined =>
  hasProc ? pids.reduce((sum, pid) => sum + (statOf(pid)?.residentBytes ?? 0), 0) : undefined

/** CPU seconds that all processes of this machine used since it started. */
export const machineCpuSeconds = (): number | undefined => {
  if (!hasProc) return undefined
  const ticks = readFileSync("/proc/stat", "utf8").split("\n", 1)[0]!.split(/\s+/).slice(1).map(Number)
  const [user, nice, system, , , hardInterrupts, softInterrupts] = ticks as [
    number,
    number,
    number,
    number,
    number,
    number,
    number
  ]
  return (user + nice + system + hardInterrupts + softInterrupts) / TICKS_A_SECOND
}

/** The CPU seconds that passed between two samples; a process that is new since then counts from zero. */
export const cpuBetween = (
  before: ReadonlyMap<number, number> | undefined,
  after: ReadonlyMap<number, number> | undefined
): number | undefined => {
  if (before === undefined || after === undefined) return undefined
  let sum = 0
  for (const [pid, seconds] of after) sum += seconds - (before.get(pid) ?? 0)
  return sum
}
