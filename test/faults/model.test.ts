import { assert, layer } from "@effect/vitest"
import { Console, Effect } from "effect"
import { UserId } from "../../src/domain/User.ts"
import { MAXIMUM, type Operation } from "../chat/model/Operation.ts"
import { atOnce, inTurn } from "../chat/model/Run.ts"
import type { Server } from "../chat/model/Server.ts"
import * as Deployment from "./support/Deployment.ts"
import * as Infrastructure from "./support/Infrastructure.ts"
import * as Kills from "./support/Kills.ts"
import * as ModelNodes from "./support/ModelNodes.ts"
import { scale } from "./support/Scale.ts"

const USERS = 6
const OPERATIONS = scale.short ? 200 : 1_000
const ROUNDS = scale.short ? 8 : 50
const EACH = 12
const KILLS = scale.short ? 1 : 5

/** Two nodes as the model asks servers, and what kills them. The seed is printed: `FAULTS_SEED` repeats the operations. */
const world = Effect.gen(function* () {
  const deployment = yield* Deployment.make({ clients: 0, env: { MAX_GROUP_MEMBERS: String(MAXIMUM) } })
  const users = (yield* deployment.createUsers(USERS)).map((id) => UserId.make(id))
  const kills = yield* Kills.make(deployment)
  const servers = yield* ModelNodes.make({ deployment, users, beforeRepeat: kills.settled })
  yield* Console.log(`model: FAULTS_SEED=${deployment.seed}`)
  return { seed: deployment.seed, users, kills, servers }
})

type Performing = ReturnType<Server["perform"]>

/** Servers of which one is killed each time that they have performed a part of so many operations. */
const killedAmid = (
  operations: number,
  servers: ReadonlyArray<Server>,
  kill: (place: number, performing: Performing) => Performing
) => {
  const each = Math.floor(operations / (KILLS + 1))
  let performed = 0
  return servers.map((server, place) => ({
    ...server,
    perform: (operation: Operation) => {
      performed++
      const performing = server.perform(operation)
      return performed % each === 0 && performed <= each * KILLS ? kill(place, performing) : performing
    }
  }))
}

layer(Infrastructure.layer, { excludeTestServices: true, timeout: "120 seconds" })("A model", (it) => {
  it.effect("agrees with clients that follow and that load anew, when nodes are killed amid operations", () =>
    Effect.gen(function* () {
      const { kills, seed, servers, users } = yield* world
      const killed = killedAmid(OPERATIONS, servers, kills.during)

      const { model } = yield* inTurn(seed, users, killed, OPERATIONS, ModelNodes.NOT_TAKEN)

      yield* kills.restarted
      yield* Console.log(
        `model: ${OPERATIONS} operations, ${model.messages.size} messages · nodes killed ${kills.kills.all}, amid an operation ${kills.kills.inFlight} · seed ${seed}`
      )
      assert.isTrue(kills.isAlive())
      assert.isAbove(kills.kills.inFlight, 0)
    })
  )

  it.effect(
    "leaves clients that follow with what a fresh load has, when nodes are killed amid many at once",
    () =>
      Effect.gen(function* () {
        const { kills, seed, servers, users } = yield* world
        const killed = killedAmid(ROUNDS * EACH, servers, kills.beside)

        yield* atOnce(seed, users, killed, ROUNDS, EACH, ModelNodes.NOT_TAKEN)

        yield* kills.restarted
        yield* Console.log(`model: ${ROUNDS} rounds at once · nodes killed ${kills.kills.all} · seed ${seed}`)
        assert.isTrue(kills.isAlive())
      })
  )
})
