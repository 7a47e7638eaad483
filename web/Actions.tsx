import type { ComponentProps } from "preact"
import { useLayoutEffect, useRef, useState } from "preact/hooks"
import { Icon } from "./Icon.tsx"
import { EMOJI, type MessageActions } from "./messageActions.ts"

/** What can be done with a message. Shown while the pointer or the focus is on it. */
export const Actions = ({ actions }: { actions: MessageActions }) => {
  const bar = useRef<HTMLDivElement>(null)
  const [isBelow, setIsBelow] = useState(false)
  // Above the message, unless that is out of sight.
  useLayoutEffect(() => {
    const { top } = bar.current!.getBoundingClientRect()
    setIsBelow(top < bar.current!.closest(".history")!.getBoundingClientRect().top)
  }, [])
  return (
    // They come and go in the log of messages, which would say each of them.
    <div class="actions" data-below={isBelow} aria-live="off">
      <div ref={bar} role="toolbar" aria-label="Actions">
        {EMOJI.map((emoji) => (
          <button
            key={emoji}
            type="button"
            aria-label={`React with ${emoji}`}
            onClick={() => actions.react(emoji)}
          >
            {emoji}
          </button>
        ))}
        <Action name="Reply" icon="reply" act={actions.reply} />
        {actions.edit && <Action name="Edit" icon="edit" act={actions.edit} />}
        {actions.readers && <Action name="Who has read it" icon="readers" act={actions.readers} />}
        {actions.sender && (
          <Action
            name={`About ${actions.sender.display_name}`}
            label="About"
            icon="about"
            act={actions.about}
          />
        )}
        {actions.report && <Action name="Report" icon="flag" act={actions.report} />}
        {actions.remove && <Action name="Delete" icon="remove" act={actions.remove} />}
      </div>
    </div>
  )
}

interface ActionProps {
  readonly name: string
  /** The name where there is room for a short one only. */
  readonly label?: string
  readonly icon: ComponentProps<typeof Icon>["name"]
  readonly act: () => void
}

const Action = ({ name, label = name, icon, act }: ActionProps) => (
  <button type="button" class="act" aria-label={name} title={name} onClick={act}>
    <Icon name={icon} />
    <span>{label}</span>
  </button>
)
