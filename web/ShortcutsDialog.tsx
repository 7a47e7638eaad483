import { Dialog } from "./Dialog.tsx"

/** The keys, those after a space pressed with the one before, and what they do. */
const SHORTCUTS: ReadonlyArray<readonly [keys: ReadonlyArray<string>, meaning: string]> = [
  [["Enter"], "Send"],
  [["Shift Enter"], "New line"],
  [["↑"], "In an empty field: edit your last message"],
  [["↑", "↓"], "In the messages: previous or next message"],
  [["R", "E", "Delete"], "On a message: reply, edit, delete"],
  [["1", "…", "6"], "On a message: react"],
  [["↑", "↓"], "In the list: previous or next conversation"],
  [["Alt ↑", "Alt ↓"], "Previous or next conversation"],
  [["N"], "New chat"],
  [["/"], "Search"],
  [["Escape"], "Cancel, or back to the list"],
  [["?"], "This list"]
]

export const ShortcutsDialog = ({ onClose }: { onClose: () => void }) => (
  <Dialog title="Shortcuts" onClose={onClose}>
    <dl class="shortcuts" tabIndex={0}>
      {SHORTCUTS.map(([keys, meaning]) => (
        <div key={meaning}>
          <dt>
            {keys.map((key) => (
              <kbd key={key}>{key}</kbd>
            ))}
          </dt>
          <dd>{meaning}</dd>
        </div>
      ))}
    </dl>
  </Dialog>
)
