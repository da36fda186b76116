// Two small comforts; every page works without them.
const button = document.getElementById('show-password')
if (button) {
  const field = document.getElementById('password')
  const word = button.querySelector('span')
  const words = { password: word.textContent, text: button.dataset.hide }
  const become = (type) => {
    field.type = type
    word.textContent = words[type]
  }
  button.hidden = false
  button.addEventListener('click', () => {
    become(field.type === 'password' ? 'text' : 'password')
    field.focus()
  })
  // Browsers remember what was sent from a text field.
  field.form.addEventListener('submit', () => become('password'))
}
// Of a logo that fails to load, the letter beneath it remains.
for (const logo of document.querySelectorAll('img.logo')) logo.decode().catch(() => logo.remove())
