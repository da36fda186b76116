/** Addresses that others registered and pages show: only those that a browser opens as a page. */
export function webLink(uri: string | undefined): string | undefined {
  const url = uri === undefined ? null : URL.parse(uri)
  return url?.protocol === 'https:' || url?.protocol === 'http:' ? url.href : undefined
}
