import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Page } from 'playwright-core'
import { seriousFaults } from '../harness/accessibility.ts'
import { type Chromium, openChromium } from '../harness/chromium.ts'
import { scenes } from './render-pages.ts'
import { openStage } from './stage.ts'

let chromium: Chromium
let tab: Page
beforeAll(async () => {
  chromium = await openChromium()
  const person = await chromium.person({ viewport: { width: 375, height: 720 }, reducedMotion: 'reduce' })
  tab = await person.newPage()
})
afterAll(() => chromium.close())

test.each(Object.keys(scenes))(
  'the page %s has no serious axe finding, light or dark, and fits a phone',
  async (name) => {
    const stage = await openStage()
    try {
      const { text } = await (scenes[name] as (typeof scenes)[string])(stage)
      // Serves the rendered page at an address where the browser can load its stylesheet.
      const body = text.replace(/<script>.*<\/script>/, '')
      await tab.route(`${stage.url}/shown`, (route) => route.fulfill({ contentType: 'text/html; charset=utf-8', body }))
      await tab.goto(`${stage.url}/shown`)
      for (const colorScheme of ['light', 'dark'] as const) {
        await tab.emulateMedia({ colorScheme })
        expect(await seriousFaults(tab)).toEqual([])
      }
      expect(await tab.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true)
    } finally {
      await stage.close()
    }
  },
)
