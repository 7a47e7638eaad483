import pg from "pg"

pg.types.setTypeParser(pg.types.builtins.INT8, Number)

export interface User {
  readonly id: number
  readonly username: string
  readonly display_name: string
  readonly created_at: Date
}

export interface Message {
  readonly id: number
  readonly sender_id: number
  readonly sender_username: string
  readonly receiver_id: number
  readonly content: string
  readonly timestamp: Date
}

const SCHEMA = `
create table if not exists users (
  id int generated always as identity primary key,
  username varchar(50) not null unique,
  display_name varchar(100) not null,
  created_at timestamptz(3) not null default now()
);
create table if not exists messages (
  id bigint generated always as identity primary key,
  sender_id int not null references users (id),
  receiver_id int not null references users (id),
  content varchar(1000) not null,
  timestamp timestamptz(3) not null default now()
);
create index if not exists messages_sent on messages (sender_id, id);
create index if not exists messages_received on messages (receiver_id, id);
create index if not exists messages_between on messages (sender_id, receiver_id, id);
`

const USER_COLUMNS = "id, username, display_name, created_at"

// Two index scans that stop at the page's end; an OR over both columns would read every message of the user.
const HISTORY = `
select m.id, m.sender_id, u.username as sender_username, m.receiver_id, m.content, m.timestamp
from (
  (select * from messages where sender_id = $1 order by id desc limit $2::int + $3::int)
  union all
  (select * from messages where receiver_id = $1 order by id desc limit $2::int + $3::int)
) m join users u on u.id = m.sender_id
order by m.id desc limit $2 offset $3`

const CONVERSATION = `
select m.id, m.sender_id, u.username as sender_username, m.receiver_id, m.content, m.timestamp
from (
  (select * from messages where sender_id = $1 and receiver_id = $4 order by id desc limit $2::int + $3::int)
  union all
  (select * from messages where sender_id = $4 and receiver_id = $1 order by id desc limit $2::int + $3::int)
) m join users u on u.id = m.sender_id
order by m.id desc limit $2 offset $3`

/** PostgreSQL through a pool of ten connections; every statement is prepared once a connection, by its name. */
export class Store {
  readonly #pool: pg.Pool

  constructor(url: string) {
    this.#pool = new pg.Pool({ connectionString: url, max: 10 })
  }

  async migrate(): Promise<void> {
    await this.#pool.query(SCHEMA)
  }

  async ping(): Promise<void> {
    await this.#pool.query({ name: "ping", text: "select 1" })
  }

  async createUser(username: string, displayName: string): Promise<User> {
    const { rows } = await this.#pool.query<User>({
      name: "create-user",
      text: `insert into users (username, display_name) values ($1, $2) returning ${USER_COLUMNS}`,
      values: [username, displayName]
    })
    return rows[0]!
  }

  async findUser(id: number): Promise<User | undefined> {
    const { rows } = await this.#pool.query<User>({
      name: "find-user",
      text: `select ${USER_COLUMNS} from users where id = $1`,
      values: [id]
    })
    return rows[0]
  }

  async listUsers(skip: number, limit: number): Promise<ReadonlyArray<User>> {
    const { rows } = await this.#pool.query<User>({
      name: "list-users",
      text: `select ${USER_COLUMNS} from users order by id limit $1 offset $2`,
      values: [limit, skip]
    })
    return rows
  }

  async insertMessage(senderId: number, receiverId: number, content: string): Promise<Message> {
    const { rows } = await this.#pool.query<Message>({
      name: "insert-message",
      text: `insert into messages (sender_id, receiver_id, content) values ($1, $2, $3)
        returning id, sender_id, (select username from users where id = $1) as sender_username,
          receiver_id, content, timestamp`,
      values: [senderId, receiverId, content]
    })
    return rows[0]!
  }

  async history(
    userId: number,
    chatWith: number | undefined,
    skip: number,
    limit: number
  ): Promise<ReadonlyArray<Message>> {
    const { rows } = await this.#pool.query<Message>(
      chatWith === undefined
        ? { name: "history", text: HISTORY, values: [userId, limit, skip] }
        : { name: "conversation", text: CONVERSATION, values: [userId, limit, skip, chatWith] }
    )
    return rows
  }

  async close(): Promise<void> {
    await this.#pool.end()
  }
}
