import { useState } from "preact/hooks"
import { Avatar } from "./Avatar.tsx"
import { setAccounts } from "./accounts.ts"
import { SearchField } from "./SearchField.tsx"
import { createUser, listUsers, reasonOf, ServerError } from "./server.ts"
import { TokenForm } from "./TokenForm.tsx"
import { useAnswer } from "./useAnswer.ts"

/** Where a person says who they are. `refusal`: why the token that the page came with was refused. */
export const Start = ({ refusal }: { refusal?: string | undefined }) => {
  const [wanted, setWanted] = useState("")
  const [needsToken, setNeedsToken] = useState(false)
  const [error, setError] = useState(refusal)
  const [name, setName] = useState("")
  const { value: users, error: failure } = useAnswer(wanted.trim(), (beginning) =>
    listUsers(beginning).catch((cause) => {
      if (!(cause instanceof ServerError && cause.status === 401)) throw cause
      setNeedsToken(true)
      return []
    })
  )
  const attempt = async (action: () => Promise<void>) => {
    setError(undefined)
    await action().catch((cause) => setError(reasonOf(cause)))
  }
  const makeTwo = () =>
    attempt(async () => {
      const suffix = Math.random().toString(36).slice(2, 6)
      const one = await createUser(`Alice ${suffix}`)
      const two = await createUser(`Bob ${suffix}`)
      setAccounts([{ userId: one.id }, { userId: two.id }])
    })
  return (
    <main class="start">
      <h1 class="brand">Mini Chat</h1>
      {error !== undefined && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      {needsToken ? (
        <TokenForm onSubmit={() => setError(undefined)} />
      ) : (
        <>
          <section class="card">
            <h2>Try it alone</h2>
            <p>Make two users and see both sides of their conversation in this window.</p>
            <button type="button" class="primary" onClick={makeTwo}>
              Make two users
            </button>
          </section>
          <section class="card">
            <h2>Be one user</h2>
            <p>Create a user with your name, or be one of those who are there already.</p>
            <form
              class="row"
              onSubmit={(event) => {
                event.preventDefault()
                attempt(async () => setAccounts([{ userId: (await createUser(name)).id }]))
              }}
            >
              <input
                aria-label="Your name"
                placeholder="Your name"
                autocomplete="nickname"
                required
                minLength={3}
                maxLength={50}
                value={name}
                onInput={(event) => setName(event.currentTarget.value)}
              />
              <button type="submit">Create</button>
            </form>
            <SearchField>
              <input
                type="search"
                aria-label="Find a user"
                placeholder="Find a user by name"
                maxLength={100}
                value={wanted}
                onInput={(event) => setWanted(event.currentTarget.value)}
              />
            </SearchField>
            {failure !== undefined && (
              <p class="error" role="alert">
                {failure}
              </p>
            )}
            {users?.length === 0 && wanted.trim() !== "" && (
              <p role="status">Nobody has a name that begins so. Create a user above.</p>
            )}
            {users !== undefined && users.length > 0 && (
              <ul class="people" aria-label="Users">
                {users.map((user) => (
                  <li key={user.id}>
                    <button type="button" class="person" onClick={() => setAccounts([{ userId: user.id }])}>
                      <Avatar id={user.id} name={user.display_name} url={user.avatar_url} />
                      <span class="name">{user.display_name}</span>
                    </button>
                  </li>
                ))}
              </ul>
            )}
          </section>
        </>
      )}
    </main>
  )
}
