import { useState } from "preact/hooks"
import { setAccounts, userIdOf } from "./accounts.ts"

/** Takes the token that a server with AUTH=required asks for. */
export const TokenForm = () => {
  const [error, setError] = useState<string>()
  return (
    <form
      class="card"
      onSubmit={(event) => {
        event.preventDefault()
        const data = new FormData(event.currentTarget)
        const token = String(data.get("token")).trim()
        const userId = userIdOf(token)
        if (userId === undefined)
          setError("This is no token of a user. Paste the whole text, with both of its dots.")
        else setAccounts([{ userId, token, isKept: data.has("keep") }])
      }}
    >
      <h2>Sign in</h2>
      <p>This server asks for a token. Paste the one that your application gave you.</p>
      <label>
        Token <textarea name="token" rows={4} required spellcheck={false} autocomplete="off" />
      </label>
      <label class="check">
        <input type="checkbox" name="keep" /> Stay signed in on this device
      </label>
      {error !== undefined && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      <button type="submit" class="primary">
        Sign in
      </button>
    </form>
  )
}
