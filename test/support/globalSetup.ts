/** Says, before the first test, what this run covers: a part that is left out is never left out in silence. */
export default () => {
  const database = process.env.TEST_DATABASE_URL
  const redis = process.env.TEST_REDIS_URL
  const lines = [
    "Embedded database, memory bus: tested",
    database === undefined ? "PostgreSQL: not tested (set TEST_DATABASE_URL)" : "PostgreSQL: tested",
    redis === undefined ? "Redis: not tested (set TEST_REDIS_URL)" : "Redis: tested"
  ]
  console.log(lines.join("\n"))
}
