import { delivery } from "./delivery.ts"
import { fanout } from "./fanout.ts"
import { groups } from "./groups.ts"
import { idle } from "./idle.ts"
import { peak } from "./peak.ts"
import { polls } from "./polls.ts"
import { reads } from "./reads.ts"
import { sends } from "./sends.ts"
import { sockets } from "./sockets.ts"

export const suites = [sends, reads, sockets, delivery, peak, idle, polls, fanout, groups]

export type SuiteName = (typeof suites)[number]["name"]
