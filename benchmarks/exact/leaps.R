# Answers each line on stdin with one exhaustive search of R's leaps: Rscript leaps.R DATA.csv (the last column is y)
suppressMessages(library(leaps))
data <- as.matrix(read.csv(commandArgs(TRUE)[1], header = FALSE))
p <- ncol(data) - 1
X <- data[, 1:p]
y <- data[, p + 1]
input <- file("stdin", "r")
while (length(readLines(input, 1)) > 0) {
  before <- proc.time()
  found <- regsubsets(X, y, nvmax = p, method = "exhaustive", intercept = FALSE, really.big = TRUE)
  cpu <- sum((proc.time() - before)[1:2])
  which <- summary(found)$which
  supports <- sapply(1:nrow(which), function(i) paste0("[", paste(unname(which(which[i, ])), collapse = ","), "]"))
  rss <- paste(format(found$ress[1:nrow(which), 1], digits = 17), collapse = ",")
  versions <- sprintf('{"leaps": "%s", "R": "%s.%s"}', packageVersion("leaps"), R.version$major, R.version$minor)
  line <- '{"cpu": %.4f, "versions": %s, "supports": [%s], "rss": [%s]}\n'
  cat(sprintf(line, cpu, versions, paste(supports, collapse = ","), rss))
  flush(stdout())
}
