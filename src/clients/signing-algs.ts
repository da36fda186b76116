/** Signature algorithms of ID tokens and access tokens; never `none` or a symmetric one. */
export const signingAlgs = ['ES256', 'RS256', 'PS256', 'EdDSA', 'ES384', 'ML-DSA-65'] as const
