/** Whether a key belongs to an input method, which is composing a character of it. Safari tells of the last key by its code alone. */
export const isComposing = (event: KeyboardEvent): boolean => event.isComposing || event.keyCode === 229
