import type { ComponentChildren } from "preact"
import { Icon } from "./Icon.tsx"

/** A field whose text is searched for, with the sign of it. */
export const SearchField = ({ children }: { children: ComponentChildren }) => (
  <div class="find">
    <Icon name="search" />
    {children}
  </div>
)
