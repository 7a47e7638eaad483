/** The hash slot of a key or channel without braces: CRC-16/XMODEM modulo 16,384, as the cluster specification says. */
export const slotOf = (key: string): number => {
  let crc = 0
  for (const byte of Buffer.from(key)) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021
  }
  return (crc & 0xffff) % 16_384
}

/** How many names are tried to find one for each master. A master with a handful of slots may get none. */
const MAX_NAMES = 500

/** A name for each master of the cluster that lies in one of its slots, from `name:0`, `name:1`, …. */
export const nameForEachMaster = (name: string) => {
  const names: Array<{ readonly name: string; readonly slot: number }> = []
  const nameAt = (i: number) => {
    names[i] ??= { name: `${name}:${i}`, slot: slotOf(`${name}:${i}`) }
    return names[i]
  }
  /** `slots` has the addresses of each slot's servers, the master first. */
  return (slots: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
    const masters = new Set(slots.map(([master]) => master))
    const found = new Map<string, string>()
    for (let i = 0; found.size < masters.size && i < MAX_NAMES; i++) {
      const { name, slot } = nameAt(i)
      const master = slots[slot]?.[0]
      if (master !== undefined && !found.has(master)) found.set(master, name)
    }
    return [...found.values()]
  }
}
