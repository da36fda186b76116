/**
 * What of a model may rest in the database. Identifiers that open something
 * (codes, tokens, session and interaction ids) are stored as digests only, so
 * they leave the payload on the way in and return on the way out, when the
 * holder has presented them.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import type { ModelName, Payload } from './model-store.ts'

/** Values of an interaction that open other things; sealed under its own identifier. */
const sealedFields = ['deviceCode', 'parJti'] as const

const sealKey = (id: string) => Buffer.from(hkdfSync('sha256', id, '', 'claviger interaction seal', 32))

function seal(key: Buffer, value: string): string {
  const iv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, iv)
  return Buffer.concat([iv, cipher.update(value, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString('base64url')
}

function unseal(key: Buffer, sealed: string): string {
  const bytes = Buffer.from(sealed, 'base64url')
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12))
  decipher.setAuthTag(bytes.subarray(-16))
  return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString('utf8')
}

/** The payload as it may rest. Grants keep their id: it opens nothing and joins everything. */
export function restingPayload(model: ModelName, id: string, payload: Payload): Payload {
  const { jti: _jti, kind: _kind, ...resting } = payload
  if (model === 'DeviceCode') delete resting.userCode
  if (model === 'Interaction') {
    if (typeof resting.returnTo === 'string') resting.returnTo = resting.returnTo.replace(id, ':uid')
    if (resting.session) {
      const { cookie: _cookie, ...session } = resting.session as Payload
      resting.session = session
    }
    for (const field of sealedFields) {
      if (typeof resting[field] === 'string') resting[field] = seal(sealKey(id), resting[field])
    }
  }
  return resting
}

/** The payload as the engine knew it, given the identifier that was presented. */
export function wakingPayload(model: ModelName, id: string, resting: Payload): Payload {
  const payload: Payload = { ...resting, jti: id, kind: model }
  // The engine changes these where they are; what was read must stay as it was, or no change would be seen.
  if (model === 'Session' && resting.authorizations) payload.authorizations = structuredClone(resting.authorizations)
  if (model === 'Interaction') {
    if (typeof payload.returnTo === 'string') payload.returnTo = payload.returnTo.replace(':uid', id)
    for (const field of sealedFields) {
      if (typeof payload[field] === 'string') payload[field] = unseal(sealKey(id), payload[field])
    }
  }
  return payload
}

/** A user code is too short to hide anything by itself. */
const deviceKey = (secret: Uint8Array, userCode: string) =>
  Buffer.from(hkdfSync('sha256', secret, userCode, 'claviger device code seal', 32))

/** Whoever types the user code decides about the device code, which nobody but the device can name. */
export const sealDeviceCode = (secret: Uint8Array, userCode: string, deviceCode: string): string =>
  seal(deviceKey(secret, userCode), deviceCode)

export const unsealDeviceCode = (secret: Uint8Array, userCode: string, sealed: string): string =>
  unseal(deviceKey(secret, userCode), sealed)
