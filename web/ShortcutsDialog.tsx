import { Dialog } from "./Dialog.tsx"

const SHORTCUTS = [
  ["Enter", "Send"],
  ["Shift Enter", "New line"],
  ["↑", "In an empty text: edit your last message"],
  ["↑ / ↓", "In the messages: previous or next message"],
  ["R / E / Delete", "On a message: reply, edit, delete"],
  ["1 … 6", "On a message: react"],
  ["↑ / ↓", "In the list: previous or next conversation"],
  ["Alt ↑ / Alt ↓", "Previous or next conversation"],
  ["N", "New chat"],
  ["/", "Search"],
  ["Escape", "Cancel, or back to the list"],
  ["?", "This list"]
] as const

export const ShortcutsDialog = ({ onClose }: { onClose: () => void }) => (
  <Dialog title="Shortcuts" onClose={onClose}>
    <dl class="shortcuts">
      {SHORTCUTS.map(([keys, meaning]) => (
        <div key={meaning}>
          <dt>
            <kbd>{keys}</kbd>
          </dt>
          <dd>{meaning}</dd>
        </div>
      ))}
    </dl>
  </Dialog>
)
