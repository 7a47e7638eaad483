import { useState } from "preact/hooks"
import { Avatar } from "./Avatar.tsx"
import { ConversationList } from "./ConversationList.tsx"
import { isComposing } from "./composing.ts"
import { Icon } from "./Icon.tsx"
import { hasNetwork } from "./network.ts"
import { SearchField } from "./SearchField.tsx"
import { SearchResults } from "./SearchResults.tsx"
import type { Session } from "./session.ts"
import { switchTheme, theme } from "./theme.ts"
import { useView } from "./useView.ts"

/** Who this is, and their conversations by activity. */
export const Sidebar = ({ session, name }: { session: Session; name: string }) => {
  const [filter, setFilter] = useState("")
  const isConnected = useView(() => session.state.value.status.type === "online", [session])
  const isLoaded = useView(() => session.state.value.list.isLoaded, [session])
  const isEmpty = useView(() => session.state.value.order.length === 0, [session])
  return (
    <nav class="sidebar" aria-label="Conversations">
      <header class="bar">
        <Avatar
          id={session.account.userId}
          name={name}
          url={session.me.value?.avatar_url}
          isOnline={isConnected && hasNetwork.value}
        />
        <button type="button" class="own-name" title="Your profile" onClick={() => session.openDialog("me")}>
          {name}
        </button>
        <button
          type="button"
          class="icon"
          title="New chat (N)"
          aria-label="New chat"
          onClick={() => session.openDialog("new")}
        >
          {" "}
          <Icon name="plus" />
        </button>
        <button
          type="button"
          class="icon"
          title="Light or dark"
          aria-label={theme.value === "dark" ? "Switch to light" : "Switch to dark"}
          onClick={switchTheme}
        >
          {" "}
          <Icon name="theme" />
        </button>
        <button
          type="button"
          class="icon help"
          title="Shortcuts (?)"
          aria-label="Shortcuts"
          onClick={() => session.openDialog("help")}
        >
          <Icon name="help" />
        </button>
      </header>
      <SearchField>
        <input
          type="search"
          class="filter"
          aria-label="Search conversations, people and messages"
          placeholder="Search"
          value={filter}
          onInput={(event) => setFilter(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== "Escape" || isComposing(event)) return
            event.stopPropagation()
            setFilter("")
          }}
        />
      </SearchField>
      {filter.trim() !== "" ? (
        <SearchResults session={session} words={filter.trim()} onDone={() => setFilter("")} />
      ) : !isLoaded && isEmpty ? (
        <div class="skeletons rows" aria-hidden="true">
          <i />
          <i />
          <i />
          <i />
          <i />
        </div>
      ) : isEmpty ? (
        <p class="hint">No conversations yet. Start one with New chat, above.</p>
      ) : (
        <ConversationList session={session} />
      )}
    </nav>
  )
}
