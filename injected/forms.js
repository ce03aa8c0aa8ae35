/*
 * Forms and fields: the part of the tracker that a page loads with its first tagged form (EVENTS.md section 5).
 *
 * Law: a field is read only if it is tagged, and never if it is one of those that are never captured: those are judged
 * here by the field first, then by its value, and the server judges both again. What is refused is told by its name and
 * reason; its value stays where it is.
 *
 * How it is written, and what each name that it is given means: see tracker.js.
 */
// #if every
function $fields(
// #else
export function listen(
// #end
  { $handlers, $waiting, $safe, $stringify, $attr, $is, $wants, $extras, $record, $heed, $passwords, $watch }
) {
  let d = document, $begun = { __proto__: null }, $uses = new WeakMap(), $passwordNames = new Set();
  let $since, $warned, $last, $lastTime;
  // Not the element's own: fields named like a method hide it in their form.
  let $up = (e, selector) => Element.prototype.closest.call(e, selector);

  // The tracked form, or box, that a field belongs to: null without one, 0 where nothing is tracked.
  function $formOf(e) {
    let form = $up($attr(e, "form") && e.form || e, "[data-track-form]");
    return $up(e, "[data-track-off]") || form && $up(form, "[data-track-off]") ? 0 : form;
  }

  function $field(t, [e], { type }) {
    let box = $formOf(e), field = $attr(e, "data-track-field"), form = box && $attr(box, "data-track-form");
    let root = e.getRootNode();
    if (type != "input") $notePasswords(root);
    else if (e.type == "password") $notePassword(e);
    // These two stay inside a shadow root.
    if (root != d) ["submit", "change"].forEach(x => root.addEventListener(x, $heed, 1));
    if (!field || !$is(e, "input,select,textarea")) return;
    if (box === null && !$warned) {
      $warned = 1;
      console.warn("footfall: data-track-field outside data-track-form: " + field);
    }
    if (!box || !$wants(box, "change")) return;
    if (type == "focusin") {
      $since = t;
      $uses.set(e, -~$uses.get(e));
    } else {
      $begun[form] = $begun[form] || $record("form.start", { form, field }, t);
      if (type == "change" && $wants(e, "change") && !$refusal(e)) {
        $record("field.change", {
          form, field, filled: !!$valueOf(e)[0], dwell_ms: t - $since, refocus: $uses.get(e) - 1,
          value: $is(e, "[data-track-on~=change]") ? $read(e)[0] : undefined
        }, t, 700, 1);
        $since = t;
      }
    }
  }

  // On the submit event, before the page's own listeners: what the visitor has submitted. That the page cancels it (and
  // sends the form itself, or finds a mistake) changes nothing; form.result tells what came of it. The browser's own
  // validation comes before the event. The same form with the same content within a second is one.
  function $submit(t, [e], { submitter }) {
    let found = new Map([[$formOf(e), []]]), root = e.getRootNode();
    // Where the site's answer can be seen: what it is posted to, or asks for; of a dialog's form nowhere.
    let how = submitter && $attr(submitter, "formmethod") || $attr(e, "method");
    let to = submitter && $attr(submitter, "formaction") ? submitter.formAction :
      Reflect.get(HTMLFormElement.prototype, "action", e);
    $notePasswords(root);
    root.querySelectorAll("[data-track-field]:enabled").forEach(x => {
      let form = $formOf(x);
      if (x.form ? x.form == e : found.has(form)) found.set(form, [...found.get(form) || [], x]);
    });
    found.forEach((members, form) => {
      if (!form || !$wants(form, "submit")) return;
      let fields = { __proto__: null }, skipped;
      members.forEach(x => {
        let name = $attr(x, "data-track-field"), [value, reason] = $read(x);
        if (reason) (skipped = skipped || {})[name] = reason;
        else if (value != null) fields[name] = name in fields ? [].concat(fields[name], value) : value;
      });
      let params = { ...$extras(form), form: $attr(form, "data-track-form"), fields, skipped };
      if (!/^dialog$/i.test(how)) params[/^post$/i.test(how) ? "to" : "asks"] = to;
      let text = $stringify(params);
      if (text != $last || t - $lastTime > 1000) $record("form.submit", params, $lastTime = t, 0, 1);
      $last = text;
    });
  }

  function $valueOf(e) {
    return e.type == "select-multiple" ? Array.from(e.selectedOptions, x => x.value) :
      /box|radio/.test(e.type) && !e.checked ? "" : e.value;
  }

  // [value], or [undefined, reason] where it is never captured.
  function $read(e) {
    let { type } = e, constant = $attr(e, "data-track-value"), filled = $attr(e, "data-track-send") == "filled", value;
    let reason = $refusal(e) || constant == null && (type == "hidden" || type == "file" && !filled) && type;
    if (!reason) {
      value = type == "hidden" ? constant : $valueOf(e);
      value = filled ? !!value[0] : value[0] ? constant ?? value : undefined;
      [].concat(value).some(x => reason = $whySecret("" + x));
    }
    return [reason ? undefined : value, reason];
  }

  // ---- Never captured: by the field

  let $SENSITIVE = new RegExp(
    "\\b(pass(word|wd|code|phrase)?|pwd|pin|otp|mfa|secret|token|csrf|c[vs]c|cvv|card(number)?|ccnum|creditcard|iban" +
    "|ssn|pesel|socialsecurity|routing)\\b", "i"
  );
  // What a field is called in its form.
  function $namesOf(e, form = $formOf(e) || e.form) {
    let key = form && ($attr(form, "data-track-form") || $attr(form, "id"));
    return ["name", "data-track-field"].filter(x => $attr(e, x)).map(x => $stringify([key, x, $attr(e, x)]));
  }

  // A page may also show a password by putting a text field of the same name in its place.
  function $notePassword(e, form) {
    $passwords.add(e);
    $namesOf(e, form).forEach(x => $passwordNames.add(x));
  }

  let $notePasswords = root => root.querySelectorAll("[type=password]").forEach(x => $notePassword(x));

  let $isPassword = e => $passwords.has(e) || $namesOf(e).some(x => $passwordNames.has(x));

  function $refusal(e) {
    $watch();
    return $isPassword(e) ? "password" :
      /\b(cc-|(current|new)-password|one-time-code)/i.test($attr(e, "autocomplete")) ? "autocomplete" :
      ["name", "id", "data-track-field", "aria-label", "placeholder"].map(x => "" + $attr(e, x))
        .concat(Array.from(e.labels || [], x => x.textContent)).some($isSensitive) && "word";
  }

  // Whole words, split at camelCase and at whatever is no letter; and all of it as one word.
  function $isSensitive(name) {
    let words = name.replace(/[a-z](?=[A-Z])|[A-Z](?=[A-Z][a-z])/g, "$& ").replace(/[^a-z]+/gi, " ");
    return $SENSITIVE.test(words + " " + name.replace(/[^a-z]/gi, ""));
  }

  // ---- and by the value. What the event could not hold is not sent either.

  function $whySecret(text) {
    return text[1024] ? "other" :
      (text.match(/\b[a-z]{2}\d\d([ -]?[a-z\d]){11,}/gi) || []).some($isIban) ? "iban" :
      $hasCard(text) ? "card" :
      /\b(?!000|666|9)\d{3}([ -])(?!00)\d\d\1(?!0000)\d{4}\b/.test(text) ? "ssn" :
      /\beyJ[\w-]{5,}\.[\w-]{5,}\./.test(text) ? "jwt" : /-----BEGIN [A-Z\d ]*-----/.test(text) && "pem";
  }

  // A whole run of digits, single joints between them; or a card's usual spellings, wherever a number begins. Two or
  // three blanks are one.
  function $hasCard(text) {
    text = text.normalize("NFKC").replace(/[^\S\r\n]+/g, x => x[1] && !x[3] ? " " : x);
    let runs = text.match(/\d+([ .\-‐-―−]\d+)*/g) || [], spelled = rest => [$SPELLED, $APART].some(x => {
      let [found] = rest.match(x) || [];
      return found && $isCard(found);
    });
    return runs.some($isCard) || [...text.matchAll(/\d+/g)].some(x => spelled(text.slice(x.index)));
  }

  let $SPELLED = /^(\d{13,19}|(\d{4}[ .-]){3}\d{4}|\d{4}[ .-]\d{6}[ .-]\d{4,5})(?!\d)/;
  // With more between the groups: the same between all of them, and a first digit of cards that people pay with.
  let $APART = /^(?!20)[2-6]\d{3}([\s_/ .\-‐-―−]{1,3})(\d{4}\1\d{4}\1\d{4}|\d{6}\1\d{4,5})(?!\d)/;

  // Luhn's check of 13 to 19 digits
  function $isCard(text) {
    let sum = 0, digits = text.match(/\d/g).reverse();
    digits.forEach((x, i) => sum += i % 2 && x * 2 % 9 || +x);
    return digits[12] && !digits[19] && sum % 10 == 0;
  }

  // Of its words as many as it takes.
  function $isIban(text) {
    let iban = "";
    return text.split(/[ -]/).some(x => (iban += x)[14] && !iban[34] &&
      BigInt((iban.slice(4) + iban.slice(0, 4)).replace(/\D/g, x => parseInt(x, 36))) % 97n == 1);
  }

  // ---- From here on these listen; what happened before is told now. A change of a field that was used once more since
  // is not: what was in it then is not known any more.

  $notePasswords(d);
  $waiting.forEach(([, path]) => {
    if ($passwords.has(path[0])) $notePassword(path[0], path.find(x => $is(x, "form,[data-track-form]")));
  });
  Object.assign($handlers, { submit: $submit, focusin: $field, input: $field, change: $field });
  $waiting.forEach($safe(([t, path, event], i) => {
    let again = $waiting.slice(i + 1).some(x => x[1][0] == path[0] && x[2].type != "focusin");
    if (event.type != "change" || !again) $handlers[event.type](t, path, event);
  }));
}
