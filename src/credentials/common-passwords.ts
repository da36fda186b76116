/**
 * Passwords that guessers try first and that are long enough to be chosen. They are compared whole (NIST SP 800-63B-4
 * §3.1.1.2), in folded form. Runs of one pattern (`abcabcabc…`, `123456789…`) are recognised without a list.
 */
const words = `
password passwort motdepasse contraseña senha wachtwoord adgangskode lösenord parola haslo пароль
administrator letmein welcome sunshine princess football baseball basketball superman batman starwars
iloveyou trustno1 whatever computer internet michelle jennifer jordan23 mustang access14 corvette
master dragon monkey shadow hunter2 charlie qwerty qwertz azerty asdfgh zxcvbn qazwsx 1qaz2wsx 1q2w3e4r
q1w2e3r4 zaq12wsx passw0rd changeme secret default guest login test tester testing sample example
liverpool chelsea arsenal pokemon minecraft samsung google facebook linkedin november december
`

const phrases = `
correcthorsebatterystaple thequickbrownfoxjumps thequickbrownfoxjumpsoverthelazydog iloveyouforever
iloveyousomuch maytheforcebewithyou tobeornottobe letmeinplease opensesame thisismypassword
thisisapassword mypasswordis mypassword yourpassword thepassword passwordpassword administratorpassword
welcometothejungle welcomehome iamtheadministrator neverguessthis youcantguessthis donotguessthis
pleaseletmein nopasswordneeded idontknowmypassword iforgotmypassword forgotmypassword
qwertyuiopasdfghjkl qwertyuiopasdfghjklzxcvbnm qazwsxedcrfvtgb qazwsxedcrfvtgbyhn 1qaz2wsx3edc4rfv
1q2w3e4r5t6y7u8i 1q2w3e4r5t6y7u8i9o0p zxcvbnmasdfghjkl asdfghjklqwertyuiop
`

const listed = (text: string) => new Set(text.trim().split(/\s+/))

/** Compared whole, and without the usual digits and signs around them (`Password123!`). */
export const commonWords: ReadonlySet<string> = listed(words)

export const commonPhrases: ReadonlySet<string> = listed(phrases)
