const PATHS = {
  plus: "M12 5v14M5 12h14",
  search: "M10.5 4a6.5 6.5 0 1 0 0 13a6.5 6.5 0 0 0 0-13M15.2 15.2L20 20",
  people:
    "M9 11.5a3.5 3.5 0 1 0 0-7a3.5 3.5 0 0 0 0 7M2.5 19.5c.4-3 3-5 6.5-5s6.1 2 6.5 5M15.5 4.8a3.5 3.5 0 0 1 0 6.4M18 15c2 .8 3.2 2.3 3.5 4.5",
  theme: "M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16",
  help: "M9 9.5a3 3 0 1 1 4.4 2.6c-.9.5-1.4 1-1.4 2.1M12 17.6v.1",
  back: "M15 5l-7 7 7 7",
  close: "M6 6l12 12M18 6L6 18",
  reply: "M10 6l-6 6 6 6M4 12h9a7 7 0 0 1 7 7",
  edit: "M5 19l1-4L16 5l3 3L9 18z",
  flag: "M6 21V4h11l-2 4 2 4H6",
  readers: "M2 13l4 4L15 8M11 16l1 1 9-9",
  about: "M12 11v6M12 7.5v.1M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18",
  remove: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13"
} as const

/** A drawn sign beside a name that says the same. */
export const Icon = ({ name }: { name: keyof typeof PATHS }) => (
  <svg viewBox="0 0 24 24" aria-hidden="true" data-filled={name === "theme"}>
    <path d={PATHS[name]} />
  </svg>
)
