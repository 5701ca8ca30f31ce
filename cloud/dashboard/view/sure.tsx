// A button for what another press does not take back: it asks first, and leaves the keyboard where people were.

import { useEffect, useRef, useState } from 'preact/hooks'

interface SureProps {
  /** On the button that asks, and on the one that does it. */
  readonly label: string
  readonly act: string
  /** For people who hear the page. */
  readonly question: string
  readonly warning: string
  readonly onAct: () => void
}

export function Sure({ act, label, onAct, question, warning }: SureProps) {
  const [asks, setAsks] = useState(false)
  const [opener, leaver] = [useRef<HTMLButtonElement>(null), useRef<HTMLButtonElement>(null)]
  const asked = useRef(false)
  useEffect(() => {
    if (asks) leaver.current?.focus()
    else if (asked.current) opener.current?.focus()
    asked.current = asks
  }, [asks])
  if (!asks) {
    return (
      <button type="button" class="button danger" ref={opener} onClick={() => setAsks(true)}>
        {label} …
      </button>
    )
  }
  const leave = (): void => setAsks(false)
  return (
    <span
      class="confirm"
      role="group"
      aria-label={question}
      onKeyDown={(event) => (event.key === 'Escape' ? leave() : undefined)}
    >
      {warning}
      <button
        type="button"
        class="button danger"
        onClick={() => {
          leave()
          onAct()
        }}
      >
        {act}
      </button>
      <button type="button" class="button" ref={leaver} onClick={leave}>
        Leave it
      </button>
    </span>
  )
}
