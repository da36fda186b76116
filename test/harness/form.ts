/** Forms as a browser without scripts reads and sends them. */
import type { HTMLElement } from 'node-html-parser'

export interface Submission {
  method: 'GET' | 'POST'
  url: URL
  fields: URLSearchParams
}

/**
 * What pressing a button sends: the form's successful controls, what the person typed put in, and the button itself.
 * @param typed text by field name; `true` or `false` ticks or unticks a checkbox
 */
export function submissionOf(
  page: { url: URL; document: HTMLElement },
  button: HTMLElement,
  typed: Readonly<Record<string, string | boolean>>,
): Submission {
  const form = formOf(page.document, button)
  const fields = new URLSearchParams()
  const unused = new Set(Object.keys(typed))
  for (const control of form.querySelectorAll('input, textarea, select')) {
    const name = control.getAttribute('name')
    if (name === undefined || control.hasAttribute('disabled')) continue
    unused.delete(name)
    const value = contentOf(control, typed[name])
    if (value !== undefined) fields.append(name, value)
  }
  if (unused.size > 0) throw new Error(`The form has no field named ${[...unused].join(', ')}:\n${form.outerHTML}`)
  const buttonName = button.getAttribute('name')
  if (buttonName !== undefined) fields.append(buttonName, button.getAttribute('value') ?? '')
  const method = (button.getAttribute('formmethod') ?? form.getAttribute('method') ?? 'get').toUpperCase()
  const action = button.getAttribute('formaction') ?? form.getAttribute('action') ?? ''
  return { method: method === 'POST' ? 'POST' : 'GET', url: new URL(action || page.url, page.url), fields }
}

function formOf(document: HTMLElement, button: HTMLElement): HTMLElement {
  const owner = button.getAttribute('form')
  const form = owner === undefined ? button.closest('form') : document.querySelector(`form#${owner}`)
  if (!form) throw new Error(`This button belongs to no form: ${button.outerHTML}`)
  return form
}

function contentOf(control: HTMLElement, typed: string | boolean | undefined): string | undefined {
  const type = (control.getAttribute('type') ?? 'text').toLowerCase()
  if (['submit', 'button', 'image', 'reset', 'file'].includes(type)) return undefined
  if (type === 'checkbox' || type === 'radio') {
    const value = control.getAttribute('value') ?? 'on'
    const chosen = typed === undefined ? control.hasAttribute('checked') : typed === true || typed === value
    return chosen ? value : undefined
  }
  if (typeof typed === 'string') return typed
  if (control.tagName === 'TEXTAREA') return control.textContent
  if (control.tagName === 'SELECT') {
    const option = control.querySelector('option[selected]') ?? control.querySelector('option')
    return option?.getAttribute('value') ?? option?.textContent
  }
  return control.getAttribute('value') ?? ''
}
