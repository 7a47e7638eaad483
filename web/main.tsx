import { render } from "preact"
import { App } from "./App.tsx"
import { applyTheme } from "./theme.ts"

applyTheme()
const root = document.querySelector("#app")!
root.replaceChildren()
render(<App />, root)
