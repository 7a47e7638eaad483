import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { freePort } from "../faults/support/Ports.ts"
import { startProcess } from "../support/ServerProcess.ts"
import { makeCa } from "./support/Certificates.ts"
import { startRedis } from "./support/RedisServers.ts"

/** A Redis whose certificate a CA of the test's own signed. */
const tlsRedis = Effect.gen(function* () {
  const { folder, ca, sign } = yield* makeCa
  const { certificate, key } = yield* sign("localhost", "DNS:localhost,IP:127.0.0.1")
  const tlsPort = yield* freePort
  const files = ["--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", ca]
  yield* startRedis("--tls-port", String(tlsPort), ...files, "--tls-auth-clients", "no")
  return { ca, url: `rediss://127.0.0.1:${tlsPort}`, dataDir: join(folder, "data") }
})

describe("Redis over TLS", () => {
  it.live("a private CA is trusted by NODE_EXTRA_CA_CERTS", () =>
    Effect.gen(function* () {
      const { ca, url, dataDir } = yield* tlsRedis
      const server = yield* startProcess({ DATA_DIR: dataDir, REDIS_URL: url, NODE_EXTRA_CA_CERTS: ca })
      yield* server.listening
      yield* server.logged(/Redis is available/)

      yield* server.signal("SIGTERM")
      const { code, stdout, stderr } = yield* server.ended
      assert.deepEqual([code, stderr], [0, ""])
      assert.notInclude(stdout, "WARN")
    })
  )

  it.live("a certificate that is not trusted is said, with the setting's name", () =>
    Effect.gen(function* () {
      const { url, dataDir } = yield* tlsRedis
      const server = yield* startProcess({ DATA_DIR: dataDir, REDIS_URL: url })
      yield* server.listening

      yield* server.logged(
        /\(REDIS_URL\): self-signed certificate in certificate chain\. .*NODE_EXTRA_CA_CERTS/
      )
    })
  )
})
