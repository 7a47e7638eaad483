const URLS = /(https?:\/\/[^\s<>"']*[^\s<>"'.,;:!?\]])/g

const countOf = (text: string, sign: string) => text.split(sign).length - 1

/** How much of an address belongs to it: what is written in parentheses ends before the last one. */
const lengthOf = (address: string): number => {
  let end = address.length
  while (
    address[end - 1] === ")" &&
    countOf(address.slice(0, end), ")") > countOf(address.slice(0, end), "(")
  ) {
    end--
    while (/[.,;:!?\]]/.test(address[end - 1]!)) end--
  }
  return end
}

/** The parts of a text: text and web addresses in turn, text first. */
export const linksIn = (text: string): ReadonlyArray<string> => {
  const parts: Array<string> = []
  for (const [i, part] of text.split(URLS).entries()) {
    const end = i % 2 === 1 ? lengthOf(part) : part.length
    if (i % 2 === 1) parts.push(part.slice(0, end), part.slice(end))
    else parts.push((parts.pop() ?? "") + part)
  }
  return parts
}
