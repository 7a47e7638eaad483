/** Whether it is a device for fingers, such as a phone. */
export const hasTouch = () => matchMedia("(pointer: coarse)").matches
