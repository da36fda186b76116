/** Seals text that a browser carries between two requests. A MAC proves its origin, and each seal expires. */
import { createHmac, timingSafeEqual } from 'node:crypto'

export interface Seal {
  seal(content: object): string
  /** @returns the content; undefined when the seal has expired, or was not made with this key for this purpose */
  open(sealed: string | undefined): object | undefined
}

export interface SealNeeds {
  /** At least 32 bytes, the same on every node. */
  key: Uint8Array
  now(): Date
}

/** @param purpose part of the MAC: text sealed for one purpose cannot be opened for another */
export function createSeal(purpose: string, lifetimeSeconds: number, { key, now }: SealNeeds): Seal {
  const mac = (content: string) => createHmac('sha256', key).update(`claviger ${purpose} ${content}`).digest()
  return {
    seal(content) {
      const until = Number(now()) + lifetimeSeconds * 1000
      const text = Buffer.from(JSON.stringify({ content, until })).toString('base64url')
      return `${text}.${mac(text).toString('base64url')}`
    },
    open(sealed) {
      const [text = '', given = '', ...more] = (sealed ?? '').split('.')
      const presented = Buffer.from(given, 'base64url')
      const right = mac(text)
      if (more.length > 0 || presented.length !== right.length || !timingSafeEqual(presented, right)) return undefined
      const { content, until } = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as {
        content: object
        until: number
      }
      return until > Number(now()) ? content : undefined
    },
  }
}
