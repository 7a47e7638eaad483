import { assert, describe, it } from "@effect/vitest"
import { Duration, Option, Result } from "effect"
import { locationOf, readDatabaseUrl } from "../../src/settings/DatabaseUrl.ts"

const read = (text: string) => Result.getOrThrow(readDatabaseUrl(text))

/** What is wrong with a URL. */
const refusal = (text: string) => Result.getOrThrow(Result.flip(readDatabaseUrl(text)))

const at = (parameters: string) => `postgresql://chat:s3cret@db.example.com/chat?${parameters}`

describe("DATABASE_URL", () => {
  it("names user, password, host, port and database, with percent signs for what a URL cannot hold", () => {
    const { hosts, username, password, database } = read("postgres://ch%40t:p%40ss%2Fword@db:6543/ch%20at")
    assert.deepEqual(
      { hosts, username, password, database },
      { hosts: [{ host: "db", port: 6543 }], username: "ch@t", password: "p@ss/word", database: "ch at" }
    )
  })

  it.each([
    ["postgresql://a:5432,b:5433/db", ["a:5432", "b:5433"]],
    ["postgresql://a,b/db", ["a:5432", "b:5432"]],
    ["postgresql://[::1]:5433,[2001:db8::1]/db", ["::1:5433", "2001:db8::1:5432"]],
    ["postgresql:///db?host=a,b&port=5433,5434", ["a:5433", "b:5434"]],
    ["postgresql:///db?host=a,b&port=5433", ["a:5433", "b:5433"]],
    ["postgresql:///db?host=/var/run/postgresql", ["/var/run/postgresql:5432"]],
    ["postgresql://%2Fvar%2Frun%2Fpostgresql/db", ["/var/run/postgresql:5432"]],
    ["postgresql:///db", ["localhost:5432"]]
  ])("leads to each host of %s", (text, hosts) => {
    assert.deepEqual(
      read(text).hosts.map(({ host, port }) => `${host}:${port}`),
      hosts
    )
  })

  it("with several hosts asks for the one that takes writes", () => {
    assert.strictEqual(read("postgresql://a,b/db").wanted, "read-write")
    assert.strictEqual(read("postgresql://a,b/db?target_session_attrs=any").wanted, "read-write")
    assert.strictEqual(read("postgresql://a,b/db?target_session_attrs=primary").wanted, "primary")
    assert.strictEqual(read("postgresql://a/db").wanted, "any")
    assert.strictEqual(read("postgresql://a/db?target_session_attrs=read-write").wanted, "read-write")
  })

  it.each([
    ["sslmode=disable", "disable", "nothing"],
    ["sslmode=allow", "allow", "nothing"],
    ["", "prefer", "nothing"],
    ["sslmode=prefer", "prefer", "nothing"],
    ["sslmode=require", "require", "nothing"],
    ["ssl=true", "require", "nothing"],
    ["sslmode=require&sslrootcert=/ca.pem", "require", "the certificate"],
    ["sslmode=prefer&sslrootcert=/ca.pem", "prefer", "the certificate"],
    ["sslmode=verify-ca&sslrootcert=/ca.pem", "verify-ca", "the certificate"],
    ["sslmode=verify-full&sslrootcert=/ca.pem", "verify-full", "the host"],
    ["sslrootcert=system", "verify-full", "the host"],
    ["sslmode=require&channel_binding=require", "verify-full", "the host"],
    ["channel_binding=require&sslmode=verify-ca", "verify-ca", "the certificate"],
    ["sslaccept=strict", "verify-full", "the host"],
    ["sslaccept=accept_invalid_certs", "prefer", "nothing"]
  ])("with %s encrypts by %s and verifies %s", (parameters, mode, verified) => {
    const { tls } = read(at(parameters))
    assert.strictEqual(tls.mode, mode)
    assert.strictEqual(
      tls.isHostVerified ? "the host" : tls.isVerified ? "the certificate" : "nothing",
      verified
    )
  })

  it("without sslmode encrypts on this machine only what the server wants encrypted", () => {
    assert.strictEqual(read("postgresql://127.0.0.1/db").tls.mode, "allow")
    assert.strictEqual(read("postgresql://localhost/db").tls.mode, "allow")
    assert.strictEqual(read("postgresql://localhost,db/db").tls.mode, "prefer")
  })

  it("takes the other parameters of libpq that concern it", () => {
    const url = read(
      at(
        "connect_timeout=3&application_name=chat&options=-c%20geqo%3Doff&sslcert=/c&sslkey=/k&sslpassword=p&ssl_min_protocol_version=TLSv1.3&sslrootcert=/ca&dbname=other&user=me&password=a+b"
      )
    )
    assert.strictEqual(Duration.toSeconds(url.connectTimeout), 3)
    assert.strictEqual(url.applicationName, "chat")
    assert.strictEqual(url.options, "-c geqo=off")
    assert.strictEqual(url.database, "other")
    assert.strictEqual(url.username, "me")
    assert.strictEqual(url.password, "a+b")
    const { cert, key, passphrase, minVersion, rootCert } = url.tls
    assert.deepEqual([cert, key, passphrase, minVersion], ["/c", "/k", "p", "TLSv1.3"])
    assert.deepEqual(rootCert, Option.some("/ca"))
  })

  it.each([
    [
      "Supabase",
      "postgresql://postgres.abcd:pw@aws-0-eu-central-1.pooler.supabase.com:6543/postgres?pgbouncer=true"
    ],
    [
      "Neon",
      "postgresql://chat:pw@ep-cool-darkness-123456-pooler.eu-central-1.aws.neon.tech/neondb?sslmode=require&channel_binding=require"
    ],
    ["Heroku", "postgres://u1234:pw@ec2-1-2-3-4.compute-1.amazonaws.com:5432/d1234"],
    [
      "RDS",
      "postgresql://chat:pw@chat.abc.eu-central-1.rds.amazonaws.com:5432/chat?sslmode=verify-full&sslrootcert=/global-bundle.pem"
    ],
    ["Fly", "postgres://postgres:pw@chat-db.flycast:5432/chat?sslmode=disable"],
    ["Railway", "postgresql://postgres:pw@containers-us-west-1.railway.app:6543/railway"],
    [
      "DigitalOcean",
      "postgresql://doadmin:pw@db-do-user-1-0.b.db.ondigitalocean.com:25060/defaultdb?sslmode=require"
    ],
    ["node-postgres", "postgresql://chat:pw@db/chat?sslmode=require&uselibpqcompat=true"]
  ])("is taken as %s hands it out", (_, text) => {
    assert.isTrue(Result.isSuccess(readDatabaseUrl(text)))
  })

  it("prepares no statements with pgbouncer=true", () => {
    assert.isFalse(read(at("pgbouncer=true")).prepares)
    assert.isTrue(read(at("pgbouncer=false")).prepares)
    assert.isTrue(read(at("")).prepares)
  })

  it.each([
    ["sslmode=no-verify", "has sslmode=no-verify; it may be disable, allow, prefer"],
    ["sslmode=disable&channel_binding=require", "has channel_binding=require and sslmode=disable"],
    ["sslmode=require&sslrootcert=system", "has sslrootcert=system, which needs sslmode=verify-full"],
    ["sslcert=/c", "has sslcert without sslkey"],
    ["sslkey=/k", "has sslkey without sslcert"],
    ["target_session_attrs=standby", "has target_session_attrs=standby; it may be any, read-write, primary"],
    ["connect_timeout=0", "has connect_timeout=0"],
    ["connect_timeout=soon", "has connect_timeout=soon"],
    ["connection_limit=1", '"connection_limit". Set DATABASE_POOL_SIZE'],
    ["schema=chat", '"schema". Write options='],
    ["supa=base-pooler.x", '"supa". Leave it out'],
    ["constructor=x", '"constructor"'],
    ["client_encoding=LATIN1", "has client_encoding=LATIN1"],
    ["sslnegotiation=direct", "has sslnegotiation=direct"],
    ["gssencmode=require", "has gssencmode=require"],
    ["port=99999", "has a port that is none: 99999"],
    ["host=a,b&port=1,2,3", "has 3 ports for 2 hosts"],
    ["options=%zz", 'wrong percent sign in the parameter "options"']
  ])("with %s is refused in a line that names the parameter", (parameters, problem) => {
    const said = refusal(at(parameters))
    assert.include(said, problem)
    assert.notInclude(said, "s3cret")
    assert.notInclude(said, "\n")
  })

  it.each([
    "s3cret",
    "mysql://u:s3cret@db/chat",
    "postgresql://u:s3%cret@db/chat",
    "postgresql://u:s3cret@db:port/chat"
  ])("%s is none", (text) => {
    const said = refusal(text)
    assert.include(said, "a URL like postgresql://")
    assert.notInclude(said, "s3cret")
  })

  it("is shown without credentials", () => {
    assert.strictEqual(locationOf(read("postgresql://u:s3cret@a:1,[::1]/chat")), "a:1,[::1]:5432/chat")
  })
})
