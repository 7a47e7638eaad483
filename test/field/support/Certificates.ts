import { join } from "node:path"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Effect, FileSystem } from "effect"
import * as Process from "../../faults/support/Process.ts"

const NEW_KEY = ["req", "-newkey", "rsa:2048", "-nodes", "-subj"]

/** A private CA, made with openssl in a folder that goes with the scope. */
export const makeCa = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped({ prefix: "minichat-tls-" })
  // A server that runs as another user reads its certificate here.
  yield* fs.chmod(folder, 0o755)
  const [ca, caKey] = [join(folder, "ca.crt"), join(folder, "ca.key")]
  const openssl = (...args: ReadonlyArray<string>) => Process.run("openssl", args)
  yield* openssl(...NEW_KEY, "/CN=Private CA", "-x509", "-keyout", caKey, "-out", ca)
  return {
    folder,
    /** The file of its certificate. */
    ca,
    /** Signs a certificate for a name; `names` is its subjectAltName. Answers the files of the certificate and its key. */
    sign: Effect.fnUntraced(function* (name: string, names: string) {
      const [certificate, key, request, extension] = ["crt", "key", "csr", "ext"].map((ending) =>
        join(folder, `${name}.${ending}`)
      ) as [string, string, string, string]
      yield* openssl(...NEW_KEY, `/CN=${name}`, "-keyout", key, "-out", request)
      yield* fs.writeFileString(extension, `subjectAltName=${names}`)
      const signing = ["x509", "-req", "-CA", ca, "-CAkey", caKey, "-CAcreateserial", "-extfile", extension]
      yield* openssl(...signing, "-in", request, "-out", certificate)
      return { certificate, key }
    })
  }
}).pipe(Effect.provide(NodeFileSystem.layer))
