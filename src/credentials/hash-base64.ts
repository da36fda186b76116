/** Base64 as password hashes use it: without padding, and in passlib with a dot instead of the plus. */

export const plainBase64 = (bytes: Buffer): string => bytes.toString('base64').replaceAll('=', '')

/** Undefined when it is not base64, with or without padding. */
export function readBase64(text: string): Buffer | undefined {
  if (!/^[A-Za-z0-9+/.]*={0,2}$/.test(text)) return undefined
  const bytes = Buffer.from(text.replaceAll('.', '+'), 'base64')
  return plainBase64(bytes).length === text.replaceAll('=', '').length ? bytes : undefined
}
