import { useEffect } from "preact/hooks"
import { accounts, setAccounts, tokenFromAddress, userIdOf } from "./accounts.ts"
import { Pane } from "./Pane.tsx"
import { Start } from "./Start.tsx"

const token = tokenFromAddress()
const tokenUser = token === undefined ? undefined : userIdOf(token)
if (token !== undefined && tokenUser !== undefined) setAccounts([{ userId: tokenUser, token }])

/** The whole page: signing in, or a pane for each user. */
export const App = () => {
  const signedIn = accounts.value
  useEffect(() => {
    document.body.dataset.panes = String(signedIn.length)
  }, [signedIn.length])
  if (signedIn.length === 0) return <Start />
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
