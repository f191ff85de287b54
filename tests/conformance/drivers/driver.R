# The driver of R: makes the calls of README.md through driver_r.c.

dyn.load(commandArgs(TRUE)[1])
queue <- NULL
restorers <- list()
own <- NULL

say <- function(...) cat(..., "\n", sep = "")
text <- function(value) if (length(value) == 0) "" else rawToChar(value)
# 64-bit numbers, as doubles, which R has.
numbers <- function(value) {
  halves <- readBin(value, "integer", length(value) / 4, size = 4, endian = "little")
  halves <- ifelse(halves < 0, halves + 2^32, halves)
  format(halves[c(TRUE, FALSE)] + 2^32 * halves[c(FALSE, TRUE)], scientific = FALSE, trim = TRUE)
}

fetch <- function(way = NULL, at = NULL) {
  while (!is.null(event <- .Call("r_next", queue))) {
    status <- event[[1]]
    told <- if (status == 0x1000) paste(numbers(event[[3]])[c(2, 3, 6, 7)], collapse = " ")
      else if (status == 0x1002) paste(numbers(event[[3]]), collapse = " ")
      else text(event[[3]])
    say("event ", status, " ", event[[2]], " ", told)
    if (!is.null(way) && status == as.integer(at)) {
      .Call("r_do", way, if (way == "answer") queue else own)
      way <- NULL
    }
  }
  0L
}

calls <- list(
  reset = function() {
    if (!is.null(queue)) .Call("r_do", "queue", queue)
    for (one in restorers) .Call("r_do", "release", one)
    restorers <<- list()
    queue <<- .Call("r_queue")
    0L
  },
  new = function() {
    own <<- .Call("r_restorer")
    restorers <<- c(restorers, own)
    0L
  },
  use = function(number) {
    own <<- restorers[[as.integer(number) + 1]]
    0L
  },
  set = function(name, value) .Call("r_set", own, name, 1L, charToRaw(value)),
  number = function(name, value) {
    .Call("r_set", own, name, 0L, writeBin(as.integer(value), raw(), endian = "little"))
  },
  start = function(kind, flags) .Call("r_start", own, kind, as.numeric(flags), queue),
  drain = function() fetch(),
  wait = function() .Call("r_do", "wait", own),
  cancel = function() .Call("r_do", "restorer", own),
  release = function() .Call("r_do", "release", own),
  words = function() {
    say("name ", .Call("r_words", own))
    0L
  },
  list = function(what) {
    told <- .Call("r_list", own, what)
    for (name in told[[2]]) say("name ", name)
    told[[1]]
  },
  open = function(path, mode) .Call("r_open", own, path, mode == "w")
)
for (kind in c("backup", "restore", "verify")) local({
  kind <- kind
  calls[[kind]] <<- function(flags, ...) {
    code <- .Call("r_start", own, kind, as.numeric(flags), queue)
    fetch(...)
    if (code < 0) code else .Call("r_do", "wait", own)
  }
})

input <- file("stdin", "r")
while (length(line <- readLines(input, 1)) == 1) {
  words <- strsplit(line, " ", fixed = TRUE)[[1]]
  if (words[1] == "exit") quit(status = 0)
  call <- calls[[words[1]]]
  if (is.null(call)) say("no") else say("result ", do.call(call, as.list(words[-1])))
  flush(stdout())
}
