import { deliver } from "./Delivery.ts"
import { fanOut } from "./FanOut.ts"
import { createGroup, groupSends } from "./Group.ts"
import { http } from "./Http.ts"
import { closePolls, countPollsAfter, openPolls } from "./OpenPolls.ts"
import { close, countOpenAfter, open } from "./OpenSockets.ts"
import { createUsers, seedMessages } from "./Seed.ts"
import { socketSends } from "./SocketSends.ts"

export const commands = {
  createUsers,
  seedMessages,
  http,
  open,
  countOpenAfter,
  close,
  openPolls,
  countPollsAfter,
  closePolls,
  socketSends,
  deliver,
  fanOut,
  createGroup,
  groupSends
}

export type Commands = typeof commands
export type CommandName = keyof Commands
export type Input<Name extends CommandName> = Parameters<Commands[Name]>[0]
export type Output<Name extends CommandName> = Awaited<ReturnType<Commands[Name]>>

export interface Call {
  readonly name: CommandName
  readonly input: unknown
}

export type Reply =
  | { readonly output: unknown; readonly cpuSeconds: number; readonly seconds: number }
  | { readonly error: string }
