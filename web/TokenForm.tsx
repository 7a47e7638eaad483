import { useState } from "preact/hooks"
import { accountOf, setAccounts } from "./accounts.ts"
import { reasonOf } from "./server.ts"

/** Takes the token that a server with AUTH=required asks for. `onSubmit` is called at each attempt. */
export const TokenForm = ({ onSubmit }: { onSubmit: () => void }) => {
  const [error, setError] = useState<string>()
  const [isAsking, setIsAsking] = useState(false)
  const submit = async (data: FormData) => {
    setError(undefined)
    setIsAsking(true)
    try {
      setAccounts([await accountOf(String(data.get("token")).trim(), data.has("keep"))])
    } catch (cause) {
      setError(reasonOf(cause))
    }
    setIsAsking(false)
  }
  return (
    <form
      class="card"
      onSubmit={(event) => {
        event.preventDefault()
        onSubmit()
        submit(new FormData(event.currentTarget))
      }}
    >
      <h2>Sign in</h2>
      <p>You need a token to sign in here: a long text that your application gives you. Paste it below.</p>
      <label>
        Token
        <textarea name="token" rows={4} required spellcheck={false} autocomplete="off" />
      </label>
      <label class="check">
        <input type="checkbox" name="keep" /> Stay signed in on this device
      </label>
      {error !== undefined && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      <button type="submit" class="primary" disabled={isAsking}>
        {isAsking ? "Signing in…" : "Sign in"}
      </button>
    </form>
  )
}
