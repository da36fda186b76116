/** Five kinds of verifiers, as services use them; what they keep for minutes or hours, they keep for seconds here. */
import { auth } from 'express-oauth2-jwt-bearer'
import { createVerifier } from 'fast-jwt'
import buildGetJwks from 'get-jwks'
import { createLocalJWKSet, createRemoteJWKSet, type JSONWebKeySet, type JWTVerifyGetKey, jwtVerify } from 'jose'
import jsonwebtoken, { type GetPublicKeyOrSecret, type VerifyOptions } from 'jsonwebtoken'
import { JwksClient } from 'jwks-rsa'

export interface VerifierOptions {
  issuer: string
  audience: string
  algorithm: 'ES256' | 'RS256'
  /** The publish lead: nobody may keep a key set longer. */
  leadMs: number
}

/** Rejects a token that it would refuse. */
export type Verify = (token: string) => Promise<unknown>

export const verifierKinds: Record<string, (options: VerifierOptions) => Verify> = {
  jose: ({ issuer, audience, algorithm, leadMs }) => {
    const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`), {
      cacheMaxAge: leadMs * 0.6,
      cooldownDuration: leadMs * 0.2,
      // How long an answer takes is not what is tried here.
      timeoutDuration: 60_000,
    })
    return (token) => jwtVerify(token, keys, { issuer, audience, algorithms: [algorithm], typ: 'at+jwt' })
  },

  'jwks-rsa and jsonwebtoken': ({ issuer, audience, algorithm, leadMs }) => {
    const client = new JwksClient({ jwksUri: `${issuer}/jwks`, cache: true, cacheMaxAge: leadMs * 0.6 })
    return (token) =>
      new Promise((resolve, reject) => {
        const findKey: GetPublicKeyOrSecret = ({ kid }, done) => {
          client.getSigningKey(kid).then(
            (key) => done(null, key.getPublicKey()),
            (error: Error) => done(error),
          )
        }
        const checks: VerifyOptions & { complete: true } = { issuer, audience, algorithms: [algorithm], complete: true }
        jsonwebtoken.verify(token, findKey, checks, (error, verified) => (error ? reject(error) : resolve(verified)))
      })
  },

  'fast-jwt and get-jwks': ({ issuer, audience, algorithm, leadMs }) => {
    const jwks = buildGetJwks({ jwksPath: '/jwks', ttl: leadMs * 0.6, issuersWhitelist: [issuer] })
    return createVerifier({
      key: ({ header: { kid = '', alg = '' } }: { header: Record<string, string> }) =>
        jwks.getPublicKey({ domain: issuer, kid, alg }),
      allowedIss: issuer,
      allowedAud: audience,
      algorithms: [algorithm],
    }) as Verify
  },

  'express-oauth2-jwt-bearer': ({ issuer, audience, algorithm, leadMs }) => {
    const middleware = auth({
      issuer,
      jwksUri: `${issuer}/jwks`,
      audience,
      tokenSigningAlg: algorithm,
      cacheMaxAge: leadMs * 0.6,
      cooldownDuration: leadMs * 0.2,
      timeoutDuration: 60_000,
    })
    return (token) =>
      new Promise((resolve, reject) => {
        const headers: Record<string, string> = { host: new URL(audience).host, authorization: `Bearer ${token}` }
        const get = (name: string) => headers[name.toLowerCase()]
        const request = { headers, get, method: 'GET', originalUrl: '/', query: {}, body: {}, is: () => false }
        const next = (error?: unknown) => (error ? reject(error) : resolve(undefined))
        void middleware(request as never, {} as never, next)
      })
  },

  'one that keeps the key set for the whole lead and never fetches for an unknown key': ({
    issuer,
    audience,
    algorithm,
    leadMs,
  }) => {
    let keys: Promise<JWTVerifyGetKey> | undefined
    let until = 0
    const load = async () => createLocalJWKSet((await (await fetch(`${issuer}/jwks`)).json()) as JSONWebKeySet)
    return async (token) => {
      if (!keys || Date.now() >= until) {
        until = Date.now() + leadMs
        keys = load()
      }
      return jwtVerify(token, await keys, { issuer, audience, algorithms: [algorithm], typ: 'at+jwt' })
    }
  },
}
