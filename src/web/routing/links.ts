/** Checks an address that a client registered. @returns it if it is an http or https URL, else undefined */
export function webLink(uri: string | undefined): string | undefined {
  const url = uri === undefined ? null : URL.parse(uri)
  return url?.protocol === 'https:' || url?.protocol === 'http:' ? url.href : undefined
}
