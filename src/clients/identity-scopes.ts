/** The scopes of OpenID Connect (Core §5.4 and §11), for claims or offline access. No API may use these names. */
export const identityScopes = ['openid', 'offline_access', 'profile', 'email', 'address', 'phone'] as const

export const isIdentityScope = (scope: string): boolean => (identityScopes as readonly string[]).includes(scope)
