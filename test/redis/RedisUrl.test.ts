import { assert, describe, it } from "@effect/vitest"
import { Option } from "effect"
import { parseRedisUrl } from "../../src/RedisUrl.ts"

const plain = {
  sentinelName: undefined,
  isTls: false,
  username: undefined,
  password: undefined,
  db: 0,
  sentinelUsername: undefined,
  sentinelPassword: undefined
}

describe("REDIS_URL", () => {
  for (const [url, expected] of [
    ["redis://localhost", { ...plain, hosts: [{ host: "localhost", port: 6379 }] }],
    ["redis://:p@localhost:1/", { ...plain, password: "p", hosts: [{ host: "localhost", port: 1 }] }],
    [
      "rediss://chat:a%40b%2F%3A@[::1]:6380/5",
      {
        ...plain,
        isTls: true,
        username: "chat",
        password: "a@b/:",
        db: 5,
        hosts: [{ host: "::1", port: 6380 }]
      }
    ],
    [
      "redis://one:7000,two,three:7002",
      {
        ...plain,
        hosts: [
          { host: "one", port: 7000 },
          { host: "two", port: 6379 },
          { host: "three", port: 7002 }
        ]
      }
    ],
    [
      "redis+sentinel://:p@one:26380,two/chat/3?sentinel_username=u&sentinel_password=s%2F",
      {
        ...plain,
        password: "p",
        sentinelName: "chat",
        db: 3,
        sentinelUsername: "u",
        sentinelPassword: "s/",
        hosts: [
          { host: "one", port: 26_380 },
          { host: "two", port: 26_379 }
        ]
      }
    ],
    [
      "rediss+sentinel://one/chat",
      { ...plain, isTls: true, sentinelName: "chat", hosts: [{ host: "one", port: 26_379 }] }
    ]
  ] as const) {
    it(`${url} is read`, () => {
      assert.deepEqual(Option.getOrThrow(parseRedisUrl(url)), expected)
    })
  }

  for (const url of [
    "",
    "localhost:6379",
    "http://localhost",
    "redis://",
    "redis://one,,two",
    "redis://one:port",
    "redis://localhost/zero",
    "redis://localhost/1/2",
    "redis://:%zz@localhost",
    "redis+sentinel://one:26379",
    "redis+sentinel://one:26379/",
    "redis+sentinel://one:26379/chat/x"
  ]) {
    it(`"${url}" is refused`, () => {
      assert.isTrue(Option.isNone(parseRedisUrl(url)))
    })
  }
})
