import { type Call, commands, type Reply } from "./Commands.ts"

// Commands arrive one at a time; the process ends with the one that forked it.
const run = async ({ name, input }: Call): Promise<Reply> => {
  const command = commands[name] as (input: unknown) => Promise<unknown>
  const begin = performance.now()
  const cpu = process.cpuUsage()
  const output = await command(input)
  const { user, system } = process.cpuUsage(cpu)
  return { output, cpuSeconds: (user + system) / 1e6, seconds: (performance.now() - begin) / 1000 }
}

process.on("message", (call: Call) => {
  run(call)
    .catch(
      (error: unknown): Reply => ({
        error: `${call.name}: ${error instanceof Error ? error.message : error}`
      })
    )
    .then((reply) => process.send?.(reply))
})
process.on("disconnect", () => process.exit(0))
