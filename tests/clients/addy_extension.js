// What addy.io's browser extension (3.0.3, a4fc1344) asks a server for, in the order of its screens: signing in, the list, making
// aliases, and what can be done with one. Each call has its method, its headers and its kind of body; each answer is told.
async ({ url, username, password, domain }) => {
  const told = []
  const wanted = { Accept: 'application/json', 'Content-Type': 'application/json' }
  const signed = {
    ...wanted,
    'X-Requested-With': 'XMLHttpRequest',
    'X-Requested-From': 'browser-extension',
  }
  const ask = async (method, path, body, headers = signed) => {
    const answer = await fetch(url + path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
    })
    const text = await answer.text()
    told.push([`${method} ${path.split('?')[0].replace(/[0-9a-f-]{36}/, '*')}`, answer.status])
    return text ? JSON.parse(text) : {}
  }

  const wrong = { username, password: 'no such password', device_name: 'Browser extension' }
  await ask('POST', '/api/auth/login', wrong)
  const login = await ask('POST', '/api/auth/login', { ...wrong, password, expiration: 'year' })
  signed.Authorization = `Bearer ${login.api_key}`
  const looksRight = /^(addy_io_)?[a-zA-Z0-9]{40,60}$/.test(login.api_key)

  const options = await ask('GET', '/api/v1/domain-options')
  const recipients = await ask('GET', '/api/v1/recipients?filter[verified]=true&alias_count=false')
  const make = (format, more) => ({ domain, local_part: '', format, recipient_ids: [], ...more })
  const first = await ask('POST', '/api/v1/aliases', make(options.defaultAliasFormat, { description: 'Café' }))
  const named = make('custom', { local_part: 'extension', recipient_ids: [recipients.data[0].id] })
  const second = await ask('POST', '/api/v1/aliases', named)
  const double = await ask('POST', '/api/v1/aliases', named)

  const filters = 'filter[deleted]=without&filter[active]=&filter[pinned]=&filter[search]='
  const list = await ask('GET', `/api/v1/aliases?${filters}&sort=-created_at&page[number]=1&page[size]=1`)
  const next = await ask('GET', `/api/v1/aliases?${filters}&sort=-created_at&page[number]=2&page[size]=1`)

  const id = first.data.id
  await ask('PATCH', `/api/v1/aliases/${id}`, { description: 'Bookshop' })
  await ask('POST', '/api/v1/pinned-aliases', { id })
  await ask('DELETE', `/api/v1/pinned-aliases/${id}`)
  await ask('DELETE', `/api/v1/active-aliases/${id}`)
  await ask('POST', '/api/v1/active-aliases', { id })
  await ask('DELETE', `/api/v1/aliases/${id}`)
  await ask('PATCH', `/api/v1/aliases/${id}/restore`)
  await ask('DELETE', `/api/v1/aliases/${id}/forget`)
  signed.Authorization = 'Bearer ' + 'x'.repeat(60)
  await ask('GET', '/api/v1/domain-options')
  return {
    told,
    looksRight,
    expires: login.expires_at,
    total: list.meta.total,
    more: [list.links.next !== null, next.links.next !== null],
    first: first.data.email,
    named: second.data.email,
    double: Object.values(double.errors)[0][0],
  }
}
