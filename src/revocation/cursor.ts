/** How far a verifier has read: all entries up to `seq` of an epoch. */
export interface Cursor {
  epoch: string
  seq: number
}

export const cursorText = ({ epoch, seq }: Cursor): string => `${epoch}.${seq}`

const shape = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.(0|[1-9]\d{0,14})$/

/** @returns undefined when the text is not a cursor */
export function parseCursor(text: string): Cursor | undefined {
  const [, epoch, seq] = shape.exec(text) ?? []
  return epoch === undefined ? undefined : { epoch, seq: Number(seq) }
}
