import { expect, test } from '@jest/globals'
import { VerificationPace } from '../../src/credentials/verification-pace.ts'

const salt = 'c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc'

test('with nothing learnt there is nothing to wait for', () => {
  expect(new VerificationPace().leastMs).toBe(0)
})

test('the dearest form decides, and a little is added', () => {
  const pace = new VerificationPace()
  pace.learn(`$scrypt$ln=14,r=8,p=1$${salt}`, 60)
  pace.learn('$2b$12$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW', 240)
  pace.learn(`$ssha256$c2FsdA$argon2id$v=19$m=19456,t=2,p=1$${salt}`, 36)
  expect(pace.leastMs).toBe(300)
})

test('hashes that differ in their salt alone are of one cost', () => {
  const pace = new VerificationPace()
  for (let n = 0; n < 100; n += 1) {
    pace.learn(`$2b$12$${String(n).padStart(22, '0')}OuQYb4YMJKvyOeWabcdefghijklmnop`, 100)
    pace.learn(`$pbkdf2-sha256$i=1000,l=32$c2FsdA${n}$argon2id$v=19$m=19456,t=2,p=1$${salt}`, 100)
  }
  pace.learn(`$scrypt$ln=15,r=8,p=1$${salt}`, 200)
  expect(pace.leastMs).toBe(250)
})

test('one stall of the machine does not decide for long, and none makes anybody wait for more than two seconds', () => {
  const pace = new VerificationPace()
  pace.learn(`$scrypt$ln=14,r=8,p=1$${salt}`, 100)
  pace.learn(`$scrypt$ln=14,r=8,p=1$${salt}`, 9_000)
  expect(pace.leastMs).toBe(150)
  for (let n = 0; n < 50; n += 1) pace.learn(`$scrypt$ln=14,r=8,p=1$${salt}`, 100)
  expect(pace.leastMs).toBeCloseTo(125, 0)
  pace.learn(`$scrypt$ln=17,r=8,p=1$${salt}`, 60_000)
  expect(pace.leastMs).toBe(2_000)
})
