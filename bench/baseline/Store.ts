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
  readonly receiver_id?: number
  readonly conversation_id?: number
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
create table if not exists conversations (
  id bigint generated always as identity primary key,
  title varchar(200) not null
);
create table if not exists members (
  conversation_id bigint not null references conversations (id),
  user_id int not null references users (id),
  primary key (conversation_id, user_id)
);
alter table messages alter receiver_id drop not null;
alter table messages add column if not exists conversation_id bigint references conversations (id);
create table if not exists deliveries (
  user_id int not null references users (id),
  message_id bigint not null references messages (id),
  primary key (user_id, message_id)
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

  async createGroup(title: string, members: ReadonlyArray<number>): Promise<{ readonly id: number }> {
    const { rows } = await this.#pool.query<{ id: number }>({
      name: "create-group",
      text: `with made as (insert into conversations (title) values ($1) returning id)
        insert into members select made.id, m from made, unnest($2::int[]) m returning conversation_id as id`,
      values: [title, members]
    })
    return rows[0]!
  }

  /** One transaction: the message, and a row for each member. */
  async insertGroupMessage(
    senderId: number,
    conversationId: number,
    content: string
  ): Promise<{ readonly message: Message; readonly members: ReadonlyArray<number> }> {
    const client = await this.#pool.connect()
    try {
      await client.query("begin")
      const { rows: members } = await client.query<{ id: number }>({
        name: "members",
        text: "select user_id as id from members where conversation_id = $1",
        values: [conversationId]
      })
      if (!members.some(({ id }) => id === senderId)) throw new Error("Not a member")
      const { rows } = await client.query<Message>({
        name: "insert-group-message",
        text: `insert into messages (sender_id, conversation_id, content) values ($1, $2, $3)
          returning id, sender_id, (select username from users where id = $1) as sender_username,
            conversation_id, content, timestamp`,
        values: [senderId, conversationId, content]
      })
      const message = rows[0]!
      for (const { id } of members) {
        await client.query({
          name: "insert-delivery",
          text: "insert into deliveries (user_id, message_id) values ($1, $2)",
          values: [id, message.id]
        })
      }
      await client.query("commit")
      client.release()
      return { message, members: members.map(({ id }) => id) }
    } catch (error) {
      await client.query("rollback")
      client.release()
      throw error
    }
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
