// Tables for spreadsheets (RFC 4180). A spreadsheet runs what looks like a formula, and names and labels come from devices: such
// a cell is led by an apostrophe, as OWASP's page on CSV injection has it.

const FORMULA = /^[=+\-@\t\r]/

function cell(text: string): string {
  const safe = FORMULA.test(text) ? `'${text}` : text
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

export function csvText(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => `${row.map(cell).join(',')}\r\n`).join('')
}
