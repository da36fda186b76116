/**
 * The setting with which a refused request would be accepted. The log and `clients explain` show it; the app never gets
 * it.
 */
interface Remedied {
  remedy?: string
}

export const withRemedy = <E extends Error>(error: E, remedy: string): E => Object.assign(error, { remedy })

export const remedyOf = (error: unknown): string | undefined => (error as Remedied).remedy
