/**
 * Converts a model's payload for the database and back. Identifiers that give access (codes, tokens, session and
 * interaction ids) are stored as digests only. So the stored payload omits them, and they are restored from the value
 * that the holder presents.
 */
import { hkdfSync } from 'node:crypto'
import { openText, sealText } from '../../keyring/vaults/sealed-text.ts'
import type { ModelName, Payload } from './model-store.ts'

/**
 * Values of an interaction that give access to something else. They are encrypted with a key derived from the
 * interaction's own identifier.
 */
const sealedFields = ['deviceCode', 'parJti'] as const

const sealKey = (id: string) => Buffer.from(hkdfSync('sha256', id, '', 'claviger interaction seal', 32))

/** The payload as it is stored. Grants keep their id: it gives no access, and connects the rows of a grant. */
export function payloadToStore(model: ModelName, id: string, payload: Payload): Payload {
  const { jti: _jti, kind: _kind, ...stored } = payload
  if (model === 'DeviceCode') {
    if (typeof stored.userCode === 'string') stored.sealedUserCode = sealText(sealKey(id), stored.userCode)
    delete stored.userCode
    // Typing a user code does not spend it: the person may leave the page and return until they have answered.
    delete stored.inFlight
  }
  if (model === 'Interaction') {
    if (typeof stored.returnTo === 'string') stored.returnTo = stored.returnTo.replace(id, ':uid')
    if (stored.session) {
      const { cookie: _cookie, ...session } = stored.session as Payload
      stored.session = session
    }
    for (const field of sealedFields) {
      if (typeof stored[field] === 'string') stored[field] = sealText(sealKey(id), stored[field])
    }
  }
  return stored
}

/** The payload in the engine's form, for the identifier that was presented. */
export function payloadFromStore(model: ModelName, id: string, stored: Payload): Payload {
  const payload: Payload = { ...stored, jti: id, kind: model }
  // The engine changes these in place. The copy keeps the read payload unchanged, so that changes can be detected.
  if (model === 'Session' && stored.authorizations) payload.authorizations = structuredClone(stored.authorizations)
  if (model === 'DeviceCode' && typeof stored.sealedUserCode === 'string') {
    payload.userCode = openText(sealKey(id), stored.sealedUserCode)
    delete payload.sealedUserCode
  }
  if (model === 'Interaction') {
    if (typeof payload.returnTo === 'string') payload.returnTo = payload.returnTo.replace(':uid', id)
    for (const field of sealedFields) {
      if (typeof payload[field] === 'string') payload[field] = openText(sealKey(id), payload[field])
    }
  }
  return payload
}

/** A user code alone is too short to be the source of a key. */
const deviceKey = (secret: Uint8Array, userCode: string) =>
  Buffer.from(hkdfSync('sha256', secret, userCode, 'claviger device code seal', 32))

/**
 * A person who types the user code decides about the device code. Only the device knows that code, so it is encrypted.
 */
export const sealDeviceCode = (secret: Uint8Array, userCode: string, deviceCode: string): string =>
  sealText(deviceKey(secret, userCode), deviceCode)

export const unsealDeviceCode = (secret: Uint8Array, userCode: string, sealed: string): string =>
  openText(deviceKey(secret, userCode), sealed)
