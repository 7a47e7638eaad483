// Builds dist/web, the chat page that the server hands to browsers at `/`. npm runs this after an install. JavaScript, so that
// every Node.js that can install can run it.
import { join } from "node:path"

const ROOT = join(import.meta.dirname, "..")

/** Where what the server takes and answers is declared, and what it has there for the documentation alone. */
const DECLARED = /[\\/]src[\\/](api|domain)[\\/]/
const DESCRIPTIONS = /\b(?:description|identifier):\s*(["`])(?:\\.|(?!\1)[^\\])*\1,?/gs
const EXAMPLES = /\bexamples: \[[^[\]{}]*\],?/g
const NOTHING = /\.annotate\(\{\s*\}\)/g

/** The objects of Effect's modules that others are spread into. */
const EFFECT = /[\\/]node_modules[\\/]effect[\\/]/
const SPREADING = /^((?:export )?const \w+ = )(\{\n {2}\.\.\.[\s\S]*?^\})/gm

/**
 * Has Chromium compile every function of the script in the background while it loads. Without it each is compiled when it is called
 * first: a third of the processor time from the first click on a conversation to its newest message.
 */
const EAGER = "//# allFunctionsCalledOnLoad"

try {
  const { build } = await import("vite")
  await build({
    configFile: false,
    root: join(ROOT, "web"),
    // Relative, so that the page works where a proxy serves it under a path of its own.
    base: "./",
    logLevel: "warn",
    // virtua is written for React; preact/compat is the part of Preact that stands in for it.
    resolve: {
      alias: {
        "react/jsx-runtime": "preact/jsx-runtime",
        "react-dom": "preact/compat",
        react: "preact/compat"
      }
    },
    plugins: [
      {
        // They are 2.5 KiB of the first load, and no page reads them.
        name: "without-documentation",
        enforce: "pre",
        transform: (code, id) =>
          DECLARED.test(id)
            ? code.replace(DESCRIPTIONS, "").replace(EXAMPLES, "").replace(NOTHING, "")
            : undefined
      },
      {
        // They keep what nobody uses, as reading what they spread may do something: another KiB.
        name: "without-unused-prototypes",
        transform: (code, id) =>
          EFFECT.test(id) ? code.replace(SPREADING, "$1/*#__PURE__*/(() => ($2))()") : undefined
      }
    ],
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    build: {
      outDir: join(ROOT, "dist/web"),
      emptyOutDir: true,
      target: "es2024",
      cssTarget: "chrome125",
      modulePreload: false,
      rolldownOptions: {
        // "use client" in virtua says nothing to a page.
        checks: { moduleLevelDirective: false },
        output: {
          codeSplitting: false,
          entryFileNames: "page/app.js",
          assetFileNames: "page/app[extname]",
          postBanner: (chunk) => (chunk.isEntry ? EAGER : "")
        }
      }
    }
  })
} catch (error) {
  // An install without development dependencies has no bundler: an image brings the files that it was built with.
  if (error.code !== "ERR_MODULE_NOT_FOUND") throw error
  console.warn("dist/web is not built: vite is not installed. Run `npm ci` with development dependencies")
}
