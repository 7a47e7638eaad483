import { signal } from "@preact/signals"
import { useEffect } from "preact/hooks"
import { accountOf, accounts, setAccounts, tokenFromAddress } from "./accounts.ts"
import { Pane } from "./Pane.tsx"
import { Start } from "./Start.tsx"
import { reasonOf } from "./server.ts"

/** What became of the token that came last: the server is asked whose it is, and may refuse it. */
const arrival = signal<{ readonly isOver: boolean; readonly refusal?: string }>({ isOver: true })

/** Signs in whose token the address has, also when it gets one while the page is open. */
const arrive = async () => {
  const token = tokenFromAddress()
  if (token === undefined) return
  // Who was signed in before is not shown in place of whose token it is.
  accounts.value = []
  const own = { isOver: false }
  arrival.value = own
  try {
    const account = await accountOf(token)
    // Another token has come meanwhile.
    if (arrival.value !== own) return
    setAccounts([account])
    arrival.value = { isOver: true }
  } catch (cause) {
    if (arrival.value === own) arrival.value = { isOver: true, refusal: reasonOf(cause) }
  }
}
arrive()
addEventListener("hashchange", arrive)

/** The whole page: signing in, or a pane for each user. */
export const App = () => {
  const signedIn = accounts.value
  useEffect(() => {
    document.body.dataset.panes = String(signedIn.length)
  }, [signedIn.length])
  if (!arrival.value.isOver)
    return (
      <main class="start">
        <h1 class="brand">Mini Chat</h1>
        <p role="status">Signing in…</p>
      </main>
    )
  if (signedIn.length === 0) return <Start refusal={arrival.value.refusal} />
  return (
    <main class="panes">
      <h1 class="hidden">Mini Chat</h1>
      {signedIn.map((account, index) => (
        <Pane
          key={account.userId}
          account={account}
          isFirst={index === 0}
          peer={signedIn.find((other) => other !== account)?.userId}
        />
      ))}
    </main>
  )
}
