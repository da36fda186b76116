/**
 * What of a model may rest in the database. Identifiers that open something
 * (codes, tokens, session and interaction ids) are stored as digests only, so
 * they leave the payload on the way in and return on the way out, when the
 * holder has presented them.
 */
import { hkdfSync } from 'node:crypto'
import { openText, sealText } from '../keyring/sealed-text.ts'
import type { ModelName, Payload } from './model-store.ts'

/** Values of an interaction that open other things; sealed under its own identifier. */
const sealedFields = ['deviceCode', 'parJti'] as const

const sealKey = (id: string) => Buffer.from(hkdfSync('sha256', id, '', 'claviger interaction seal', 32))

/** The payload as it may rest. Grants keep their id: it opens nothing and joins everything. */
export function restingPayload(model: ModelName, id: string, payload: Payload): Payload {
  const { jti: _jti, kind: _kind, ...resting } = payload
  if (model === 'DeviceCode') {
    if (typeof resting.userCode === 'string') resting.sealedUserCode = sealText(sealKey(id), resting.userCode)
    delete resting.userCode
    // A code that was typed is not spent: the person may leave the page and come back until they have answered.
    delete resting.inFlight
  }
  if (model === 'Interaction') {
    if (typeof resting.returnTo === 'string') resting.returnTo = resting.returnTo.replace(id, ':uid')
    if (resting.session) {
      const { cookie: _cookie, ...session } = resting.session as Payload
      resting.session = session
    }
    for (const field of sealedFields) {
      if (typeof resting[field] === 'string') resting[field] = sealText(sealKey(id), resting[field])
    }
  }
  return resting
}

/** The payload as the engine knew it, given the identifier that was presented. */
export function wakingPayload(model: ModelName, id: string, resting: Payload): Payload {
  const payload: Payload = { ...resting, jti: id, kind: model }
  // The engine changes these where they are; what was read must stay as it was, or no change would be seen.
  if (model === 'Session' && resting.authorizations) payload.authorizations = structuredClone(resting.authorizations)
  if (model === 'DeviceCode' && typeof resting.sealedUserCode === 'string') {
    payload.userCode = openText(sealKey(id), resting.sealedUserCode)
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

/** A user code is too short to hide anything by itself. */
const deviceKey = (secret: Uint8Array, userCode: string) =>
  Buffer.from(hkdfSync('sha256', secret, userCode, 'claviger device code seal', 32))

/** Whoever types the user code decides about the device code, which nobody but the device can name. */
export const sealDeviceCode = (secret: Uint8Array, userCode: string, deviceCode: string): string =>
  sealText(deviceKey(secret, userCode), deviceCode)

export const unsealDeviceCode = (secret: Uint8Array, userCode: string, sealed: string): string =>
  openText(deviceKey(secret, userCode), sealed)
